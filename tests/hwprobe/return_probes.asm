; SPDX-License-Identifier: Apache-2.0
;
; Returns between rings, good and bad.
%include "tests/hwprobe/probe.inc"

%macro frame 4              ; SS, RSP, CS, RIP (a register or a constant)
    push %1
    push %2
    push 2
    push %3
    push %4
%endmacro

section .text

probe "IRETQ 1->1", 1, "ran in ring 1"
    mov rcx, rsp
    lea rax, [.target]
    frame RING1_DATA, rcx, RING1_CODE, rax
here iretq
.target:
    done

probe "IRETQ 1->1, null SS", 1, "ran in ring 1"
    mov rcx, rsp
    lea rax, [.target]
    frame 1, rcx, RING1_CODE, rax
here iretq
.target:
    done

probe "IRETQ 1->3", 1, "ran in ring 3"
    lea rax, [user_done]
    frame RING3_DATA, user_stack_top, RING3_CODE, rax
here iretq

probe "IRETQ 1->0", 1, "#GP(8) in ring 1"
    lea rax, [.target]
    frame RING0_DATA, rsp, RING0_CODE, rax
here iretq
.target:
    done

probe "IRETQ 1->3, CS beyond the GDT", 1, "#GP(ff8) in ring 1"
    lea rax, [user_done]
    frame RING3_DATA, user_stack_top, BEYOND_LIMIT | 3, rax
here iretq

probe "IRETQ 1->3, CS a data segment", 1, "#GP(30) in ring 1"
    lea rax, [user_done]
    frame RING3_DATA, user_stack_top, RING3_DATA, rax
here iretq

probe "IRETQ 1->3, SS of DPL 0", 1, "#GP(10) in ring 1"
    lea rax, [user_done]
    frame RING0_DATA | 3, user_stack_top, RING3_CODE, rax
here iretq

probe "IRETQ 1->3, null SS", 1, "#GP(0) in ring 1"
    lea rax, [user_done]
    frame 3, user_stack_top, RING3_CODE, rax
here iretq

probe "IRETQ 0->1", 0, "ran in ring 1"
    mov rcx, rsp
    lea rax, [.target]
    frame RING1_DATA, rcx, RING1_CODE, rax
here iretq
.target:
    done

probe "IRETQ 0->1, null SS", 0, "ran in ring 1"
    mov rcx, rsp
    lea rax, [.target]
    frame 1, rcx, RING1_CODE, rax
here iretq
.target:
    done

probe "IRETQ 0->1, non-canonical RIP", 0, "#GP(0) in ring 0"
    mov rcx, rsp
    mov rax, NON_CANONICAL
    frame RING1_DATA, rcx, RING1_CODE, rax
here iretq

probe "LRETQ 0->1", 0, "ran in ring 1"
    mov rcx, rsp
    lea rax, [.target]
    push RING1_DATA
    push rcx
    push RING1_CODE
    push rax
here o64 retf
.target:
    done

; GS bases that must survive the way to ring 3.
%define MARKED_BASE 0x0000123456789000

    needs FSGSBASE
    reports GS_BASE
probe "GS base 1->3, GS = 0", 1, "ran in ring 3, base kept"
    xor eax, eax
    mov gs, eax
    mov rax, MARKED_BASE
    wrgsbase rax
    lea rax, [user_read_gs_base]
    frame RING3_DATA, user_stack_top, RING3_CODE, rax
here iretq

    needs FSGSBASE
    reports GS_BASE
probe "GS base 1->3, GS of DPL 1", 1, "ran in ring 3, base kept"
    mov eax, RING1_DATA
    mov gs, eax
    mov rax, MARKED_BASE
    wrgsbase rax
    lea rax, [user_read_gs_base]
    frame RING3_DATA, user_stack_top, RING3_CODE, rax
here iretq

user_code
user_read_gs_base:
    rdgsbase rax
    done
