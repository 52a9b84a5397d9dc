; SPDX-License-Identifier: Apache-2.0
;
; Runs one probe: IRETQ to its ring, and back by whatever exception, interrupt or SYSCALL ends it.
;
; Every way back leaves on the stack, from RSP up: vector, error code (0 where there is none), RIP, CS, RFLAGS, RSP, SS.
%define PROBE_ENGINE
%include "tests/hwprobe/probe.inc"

; struct Outcome of probe.hpp
%define OUTCOME_VECTOR 0
%define OUTCOME_ERROR  8
%define OUTCOME_RIP    16
%define OUTCOME_CS     24
%define OUTCOME_RFLAGS 32
%define OUTCOME_RSP    40
%define OUTCOME_SS     48
%define OUTCOME_RAX    56
%define OUTCOME_CR2    64

%define VECTOR_SYSCALL 0x100
%define VECTOR_CSTAR   0x101
%define VECTOR_NMI 2
%define HAS_ERROR_CODE(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || (v) == 21 || (v) == 29 || (v) == 30)

section .text

; void run_probe(const EntryFrame *frame, Outcome *outcome)
; In: RDI five words for IRETQ, RSI where to write what happened. Interrupts are off; every controller is masked.
global run_probe
run_probe:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [resume_rsp], rsp
    mov [outcome], rsi
    push qword [rdi + 32]
    push qword [rdi + 24]
    push qword [rdi + 16]
    push qword [rdi + 8]
    push qword [rdi]
    iretq

finish:
    push rax
    mov rax, [outcome]
    pop qword [rax + OUTCOME_RAX]
    pop qword [rax + OUTCOME_VECTOR]
    pop qword [rax + OUTCOME_ERROR]
    pop qword [rax + OUTCOME_RIP]
    pop qword [rax + OUTCOME_CS]
    pop qword [rax + OUTCOME_RFLAGS]
    pop qword [rax + OUTCOME_RSP]
    pop qword [rax + OUTCOME_SS]
    mov rcx, cr2
    mov [rax + OUTCOME_CR2], rcx
    mov rsp, [resume_rsp]
    push 2
    popfq                           ; NT, AC and TF must not stay
    mov eax, RING0_DATA
    mov ss, eax
    mov ds, eax
    mov es, eax
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

; Exceptions, 16 bytes apart; then VECTOR_DONE and VECTOR_RING0_ONLY.
align 16
global stubs
stubs:
%assign vector 0
%rep 32
    align 16
  %if vector == VECTOR_NMI
    iretq
  %else
    %if !HAS_ERROR_CODE(vector)
    push 0
    %endif
    push vector
    jmp finish
  %endif
  %assign vector vector + 1
%endrep
    align 16
    push 0
    push VECTOR_DONE
    jmp finish
    align 16
    push 0
    push VECTOR_RING0_ONLY
    jmp finish

%macro system_call_entry 1          ; vector
    mov [caller_rsp], rsp
    lea rsp, [entry_stack_top]
    push 0
    push qword [caller_rsp]
    push r11
    push rax                        ; makes room for CS
    mov [rsp], cs
    mov word [rsp + 2], 0
    mov dword [rsp + 4], 0
    push rcx
    push 0
    push %1
    jmp finish
%endmacro

align 16
global syscall_entry
syscall_entry:
    system_call_entry VECTOR_SYSCALL
align 16
global cstar_entry
cstar_entry:
    system_call_entry VECTOR_CSTAR

; What a gate does: back to ring 1 by IRETQ.
align 16
global gate_entry, gate_iretq
gate_entry:
    mov [caller_rsp], rsp
    lea rsp, [entry_stack_top]
    push RING1_DATA
    push qword [caller_rsp]
    push r11
    push RING1_CODE
    push rcx
gate_iretq:
    iretq

; Where a call gate leads.
global call_gate_target
call_gate_target:
    done

user_code
global user_done
user_done:
    done

section .user.data nobits alloc noexec write align=4096
global user_word, user_stack_top
user_word:  resq 1
            resb 2048
alignb 16
user_stack_top:

section .read_only progbits alloc noexec nowrite align=4096
global read_only_word
read_only_word: dq 0

section .data
align 8
global supervisor_word, break_word
supervisor_word: dq 0, 0            ; 16 bytes: enough for every operand
break_word:      dq RING1_DATA

section .bss
align 16
global ring0_stack_top, probe_stack_top, debug_stack_top, double_fault_stack_top
resume_rsp:  resq 1
outcome:     resq 1
caller_rsp:  resq 1
             resb 2048
alignb 16
ring0_stack_top:                    ; the TSS' RSP0
             resb 2048
alignb 16
probe_stack_top:                    ; of probes of ring 0 and 1
             resb 2048
alignb 16
debug_stack_top:
             resb 2048
alignb 16
double_fault_stack_top:
             resb 512
alignb 16
entry_stack_top:
