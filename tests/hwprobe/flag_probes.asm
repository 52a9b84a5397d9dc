; SPDX-License-Identifier: Apache-2.0
;
; Which flags ring 1 can change: for itself by POPF, for itself and for ring 3 by IRETQ.
%include "tests/hwprobe/probe.inc"

%define FORBIDDEN (FLAG_IOPL | FLAG_VIF | FLAG_VIP)     ; and IF = 0
%define ALLOWED   (FLAG_IF | FLAG_AC | FLAG_ID)

%macro return_to 5          ; SS, RSP, RFLAGS, CS, RIP
    push %1
    push %2
    push %3
    push %4
    lea rax, [%5]
    push rax
%endmacro

section .text

    flags FLAG_IF
    reports FIXED_FLAGS
probe "POPF: IF=0 IOPL=3 VIF VIP", 1, "ran in ring 1, IF=1 IOPL=0 VIF=0 VIP=0"
    push FORBIDDEN | 2
here popfq
    done

    flags FLAG_IF
    reports TAKEN_FLAGS
probe "POPF: AC NT ID", 1, "ran in ring 1, AC=1 NT=1 ID=1"
    push ALLOWED | FLAG_NT | 2
here popfq
    done

    flags FLAG_IF
    reports FIXED_FLAGS
probe "IRETQ 1->1: IF=0 IOPL=3 VIF VIP", 1, "ran in ring 1, IF=1 IOPL=0 VIF=0 VIP=0"
    mov rcx, rsp
    return_to RING1_DATA, rcx, FORBIDDEN | 2, RING1_CODE, .target
here iretq
.target:
    done

    flags FLAG_IF
    reports TAKEN_FLAGS
probe "IRETQ 1->1: AC NT ID", 1, "ran in ring 1, AC=1 NT=1 ID=1"
    mov rcx, rsp
    return_to RING1_DATA, rcx, ALLOWED | FLAG_NT | 2, RING1_CODE, .target
here iretq
.target:
    done

    flags FLAG_IF
    reports FIXED_FLAGS
probe "IRETQ 1->3: IF=0 IOPL=3 VIF VIP", 1, "ran in ring 3, IF=1 IOPL=0 VIF=0 VIP=0"
    return_to RING3_DATA, user_stack_top, FORBIDDEN | 2, RING3_CODE, user_done
here iretq

    flags FLAG_IF
    reports TAKEN_FLAGS
probe "IRETQ 1->3: AC NT ID", 1, "ran in ring 3, AC=1 NT=1 ID=1"
    return_to RING3_DATA, user_stack_top, ALLOWED | FLAG_NT | 2, RING3_CODE, user_done
here iretq

    arrange CODE_BREAK
probe "IRETQ 1->1: RF=1 on a breakpoint", 1, "ran in ring 1"
    mov rcx, rsp
    return_to RING1_DATA, rcx, FLAG_RF | 2, RING1_CODE, .target
    iretq
.target:
here nop
    done

    arrange CODE_BREAK
probe "IRETQ 1->1: RF=0 on a breakpoint", 1, "#DB in ring 1"
    mov rcx, rsp
    return_to RING1_DATA, rcx, 2, RING1_CODE, .target
    iretq
.target:
here nop
    done

    flags FLAG_NT
probe "IRETQ with NT=1", 1, "#GP(0) in ring 1"
    mov rcx, rsp
    return_to RING1_DATA, rcx, 2, RING1_CODE, .target
here iretq
.target:
    done

    reports RESUME_FLAG
probe "RF in a fault's frame", 1, "#GP(0) in ring 1, RF=1"
here cli
    done
