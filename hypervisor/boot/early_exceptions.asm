; SPDX-License-Identifier: Apache-2.0
;
; Entry points for the 32 exceptions while the boot processor has no gate yet. The processor pushed, 16-byte aligned:
;
;     SS RSP RFLAGS CS RIP [error code]      then the stub: [0 for an error code] vector, and the general registers,
;                                            so that RSP points at a struct EntryFrame (gate/entry_frame.hpp)
;
; Interrupts off; the stack of whatever was interrupted; never returns.

bits 64
default rel

; Exceptions with an error code: #DF #TS #NP #SS #GP #PF #AC #CP #VC #SX (Intel SDM vol. 3A, table 6-1; AMD APM vol. 2, 8.2)
WITH_ERROR_CODE equ 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17 | 1 << 21 | 1 << 29 | 1 << 30

section .text
extern early_exception

%assign vector 0
%rep 32
stub_ %+ vector:
%if (WITH_ERROR_CODE & (1 << vector)) == 0
    push    qword 0
%endif
    push    qword vector
    jmp     build_frame
%assign vector vector + 1
%endrep

build_frame:
    push    rax
    push    rcx
    push    rdx
    push    rbx
    push    rsi
    push    rdi
    push    rbp
    push    r8
    push    r9
    push    r10
    push    r11
    push    r12
    push    r13
    push    r14
    push    r15
    cld
    mov     rdi, rsp
    call    early_exception
.unreachable:
    hlt
    jmp     .unreachable

section .rodata
align 8
global early_exception_stubs:data hidden
early_exception_stubs:
%assign vector 0
%rep 32
    dq stub_ %+ vector
%assign vector vector + 1
%endrep

section .note.GNU-stack noalloc noexec nowrite progbits
