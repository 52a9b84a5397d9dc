; SPDX-License-Identifier: Apache-2.0
;
; Why a guest's descriptors are restricted: a call gate in its LDT leads to ring 0, a DPL-2 code segment to a
; second supervisor ring, and an accessed bit that the processor wants to set into a read-only table faults.
%include "tests/hwprobe/probe.inc"

section .text

probe "call gate from ring 1", 1, "ran in ring 0"
here call far dword [gate_pointer]
    done

probe "call gate from ring 3", 3, "ran in ring 0"
here call far dword [gate_pointer]
    done

probe "IRETQ 1->2, reads a supervisor page", 1, "ran in ring 2"
    mov rcx, rsp
    lea rax, [.target]
    push RING2_DATA
    push rcx
    push 2
    push RING2_CODE
    push rax
    iretq
.target:
here mov rax, [supervisor_word]
    done

    arrange READ_ONLY_GDT
    reports FAULT_ADDRESS
probe "load DS, accessed bit clear, read-only GDT", 1, "#PF(3) in ring 1, CR2 in the GDT"
    mov eax, UNTOUCHED
here mov ds, eax
    done

section .user.text progbits alloc exec nowrite align=16
align 8
gate_pointer:
    dd 0
    dw CALL_GATE
