; SPDX-License-Identifier: Apache-2.0
;
; What ring 1 must not execute, what does not exist for it, and what it may do.
%include "tests/hwprobe/probe.inc"

%define PROTECTED "#GP(0) in ring 1"
%define UNDEFINED "#UD in ring 1"
%define RUNS      "ran in ring 1"

section .text

instruction "CLI", PROTECTED, cli
instruction "STI", PROTECTED, sti
instruction "HLT", PROTECTED, hlt
instruction "CLTS", PROTECTED, clts
instruction "INVD", PROTECTED, invd
instruction "WBINVD", PROTECTED, wbinvd
instruction "WBNOINVD", PROTECTED, {db 0xf3, 0x0f, 0x09}
instruction "INVLPG", PROTECTED, invlpg [supervisor_word]

probe "RDMSR", 1, PROTECTED
    mov ecx, 0xc0000080
here rdmsr
    done

probe "WRMSR", 1, PROTECTED
    mov ecx, 0xc0000081             ; STAR
    xor eax, eax
    xor edx, edx
here wrmsr
    done

probe "RDPMC", 1, PROTECTED
    xor ecx, ecx
here rdpmc
    done

    needs XSAVE
probe "XSETBV", 1, PROTECTED
    xor ecx, ecx
    xor edx, edx
    mov eax, 1
here xsetbv
    done

    needs INVPCID
probe "INVPCID", 1, PROTECTED
    push 0
    push 0
    xor eax, eax
here invpcid rax, [rsp]
    done

instruction "SWAPGS", PROTECTED, swapgs
instruction "LMSW", PROTECTED, lmsw [supervisor_word]
instruction "LGDT", PROTECTED, lgdt [supervisor_word]
instruction "LIDT", PROTECTED, lidt [supervisor_word]
instruction "LLDT", PROTECTED, lldt [supervisor_word]
instruction "LTR", PROTECTED, ltr [supervisor_word]
instruction "MOV RAX, CR0", PROTECTED, mov rax, cr0
instruction "MOV RAX, CR2", PROTECTED, mov rax, cr2
instruction "MOV RAX, CR3", PROTECTED, mov rax, cr3
instruction "MOV RAX, CR4", PROTECTED, mov rax, cr4
instruction "MOV RAX, CR8", PROTECTED, mov rax, cr8
instruction "MOV CR0, RAX", PROTECTED, mov cr0, rax
instruction "MOV CR2, RAX", PROTECTED, mov cr2, rax
instruction "MOV CR3, RAX", PROTECTED, mov cr3, rax
instruction "MOV CR4, RAX", PROTECTED, mov cr4, rax
instruction "MOV CR8, RAX", PROTECTED, mov cr8, rax
instruction "MOV RAX, DR7", PROTECTED, mov rax, dr7
instruction "MOV DR7, RAX", PROTECTED, mov dr7, rax
instruction "MOV DR6, RAX", PROTECTED, mov dr6, rax
instruction "IN", PROTECTED, in al, 0x80
instruction "OUT", PROTECTED, out 0x80, al
instruction "SYSRET", PROTECTED, o64 sysret

instruction "STAC", UNDEFINED, stac
instruction "CLAC", UNDEFINED, clac
probe "MONITOR", 1, UNDEFINED
    lea rax, [supervisor_word]
    xor ecx, ecx
    xor edx, edx
here monitor
    done
probe "MWAIT", 1, UNDEFINED
    xor eax, eax
    xor ecx, ecx
here mwait
    done
instruction "VMCALL", UNDEFINED, vmcall
instruction "VMMCALL", UNDEFINED, {db 0x0f, 0x01, 0xd9}
instruction "CLGI", UNDEFINED, {db 0x0f, 0x01, 0xdd}

instruction "RDTSC", RUNS, rdtsc
    needs RDTSCP
instruction "RDTSCP", RUNS, rdtscp
instruction "CPUID", RUNS, cpuid
    needs FSGSBASE
instruction "RDFSBASE", RUNS, rdfsbase rax
    needs FSGSBASE
instruction "RDGSBASE", RUNS, rdgsbase rax
    needs FSGSBASE
probe "WRFSBASE", 1, RUNS
    xor eax, eax
here wrfsbase rax
    done
    needs FSGSBASE
probe "WRGSBASE", 1, RUNS
    xor eax, eax
here wrgsbase rax
    done
    needs FSGSBASE
probe "WRGSBASE, non-canonical", 1, PROTECTED
    mov rax, NON_CANONICAL
here wrgsbase rax
    done
probe "LAR", 1, RUNS
    mov ecx, RING1_CODE
here lar eax, ecx
    done
probe "LSL", 1, RUNS
    mov ecx, RING1_CODE
here lsl eax, ecx
    done
probe "VERR", 1, RUNS
    mov ecx, RING1_DATA
here verr cx
    done
probe "VERW", 1, RUNS
    mov ecx, RING1_DATA
here verw cx
    done
probe "PUSHF, POPF", 1, RUNS
    pushfq
here popfq
    done

; What UMIP is about.
%macro umip 2+
    instruction %1, RUNS, %2
    needs UMIP
    arrange UMIP
  %strcat umip_name %1, " with UMIP"
    instruction umip_name, PROTECTED, %2
%endmacro
umip "SMSW", smsw rax
umip "SGDT", sgdt [rsp - 64]
umip "SIDT", sidt [rsp - 64]
umip "SLDT", sldt rax
umip "STR", str rax
