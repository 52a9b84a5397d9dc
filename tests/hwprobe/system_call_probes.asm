; SPDX-License-Identifier: Apache-2.0
;
; SYSCALL and SYSENTER from every ring that could use them, and what can be dragged along into ring 0: the single-step
; flag, NT, and a data breakpoint that MOV SS holds back (XSA-260).
%include "tests/hwprobe/probe.inc"

%define ENTERED "SYSCALL entry in ring 0"

section .text

    reports STACK
probe "SYSCALL from ring 1", 1, {ENTERED, ", RSP kept"}
here syscall

    reports STACK
probe "SYSCALL from ring 3", 3, {ENTERED, ", RSP kept"}
here syscall

    reports TAKEN_FLAGS
    flags FLAG_AC | FLAG_NT | FLAG_ID
probe "SYSCALL keeps RFLAGS in R11", 1, {ENTERED, ", AC=1 NT=1 ID=1"}
here syscall

    arrange GATE_IRETQ
probe "SYSCALL, IRETQ back", 1, "ran in ring 1"
here syscall
    done

; SFMASK does not name NT here, and the gate's own return faults.
    arrange GATE_IRETQ
    flags FLAG_NT
probe "SYSCALL with NT, IRETQ back", 1, "#GP(0) in ring 0 at the gate's IRETQ"
here syscall
    done

; Both are seen: the trap at the entry, in ring 0 on the caller's stack; or none, because SFMASK cleared TF.
    flags FLAG_TF
probe "SYSCALL with TF", 1, {ENTERED}, "#DB in ring 0 at the SYSCALL entry"
here syscall

    arrange DATA_BREAK
probe "MOV SS with a breakpoint, NOP", 1, "#DB in ring 1 elsewhere"
    mov ss, [break_word]
here nop
    done

    arrange DATA_BREAK
probe "MOV SS with a breakpoint, SYSCALL", 1, "#DB in ring 0 at the SYSCALL entry"
    mov ss, [break_word]
here syscall

    arrange DATA_BREAK
probe "MOV SS with a breakpoint, INT3", 1, "#DB in ring 0 at the #BP entry"
    mov ss, [break_word]
here int3

    arrange DATA_BREAK
probe "MOV SS with a breakpoint, INT n", 1, "#DB in ring 0 at the INT n entry"
    mov ss, [break_word]
here int VECTOR_DONE

    arrange DATA_BREAK
probe "MOV SS with a breakpoint, ICEBP", 1, "#DB in ring 0 at the #DB entry", "#DB in ring 1 elsewhere"
    mov ss, [break_word]
here icebp
    done

probe "ICEBP", 1, "#DB in ring 1 elsewhere"
here icebp
    done

; With SYSENTER_CS = 0: Intel #GP, AMD #UD (no SYSENTER in long mode).
probe "SYSENTER from ring 1", 1, "#GP(0) in ring 1", "#UD in ring 1"
here sysenter
    done

probe "SYSENTER from ring 3", 3, "#GP(0) in ring 3", "#UD in ring 3"
here sysenter
    done

; 32-bit code: Intel #UD, AMD enters through CSTAR.
probe "SYSCALL from 32-bit ring 3", 3, "#UD in ring 3", "CSTAR entry in ring 0"
    push RING3_CODE32
    lea rax, [.compatibility]
    push rax
    o64 retf
bits 32
.compatibility:
here syscall
    done
bits 64

probe "SYSCALL from 32-bit ring 1", 1, "#UD in ring 1", "CSTAR entry in ring 0"
    push RING1_CODE32
    lea rax, [.compatibility]
    push rax
    o64 retf
bits 32
.compatibility:
here syscall
    done
bits 64

probe "SYSENTER from 32-bit ring 3", 3, "#GP(0) in ring 3"
    push RING3_CODE32
    lea rax, [.compatibility]
    push rax
    o64 retf
bits 32
.compatibility:
here sysenter
    done
bits 64

probe "INT n through a gate of DPL 0", 1, "#GP(18a) in ring 1"
here int VECTOR_RING0_ONLY
    done
