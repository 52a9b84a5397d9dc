; SPDX-License-Identifier: Apache-2.0
;
; Probes of ring 1: a drop by IRETQ, one instruction, and the exception that brings the processor back. The hypervisor's
; own space throughout; interrupts off, but for the few instructions of the POPF probe.
;
;   ring1_run            C++ -> IRETQ -> probe in ring 1 -> exception -> stub -> ring1_return -> back to C++
;
; What the processor pushed, plus the stub's vector and (where the processor pushes none) a zero error code:
;
;   rsp+48  SS       rsp+24  CS
;   rsp+40  RSP      rsp+16  RIP
;   rsp+32  RFLAGS   rsp+8   error code      rsp+0   vector

bits 64
default rel

%define RING1_CODE 0x19         ; the selectors of ring1_selftest.cpp's GDT
%define RING1_DATA 0x21
%define RING0_CODE 0x08
%define RING0_DATA 0x10
%define TASK_STATE 0x28
%define COMPLETED  0x30         ; ring1_completed
%define VECTOR_NMI 2
%define MSR_EFER   0xc0000080

; struct Ring1Outcome
%define OUTCOME_VECTOR 0
%define OUTCOME_ERROR  8
%define OUTCOME_RIP    16
%define OUTCOME_CS     24
%define OUTCOME_RFLAGS 32
%define OUTCOME_RAX    40

section .text

; void ring1_run(uint64_t probe, uint64_t stack, uint64_t rflags, Ring1Outcome *outcome)
; In: RDI probe, RSI top of the ring-1 stack, RDX RFLAGS in ring 1, RCX outcome. Clobbers what the C ABI allows.
global ring1_run
ring1_run:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    pushfq
    mov [resume_rsp], rsp
    mov [outcome], rcx
    push RING1_DATA
    push rsi
    push rdx
    push RING1_CODE
    push rdi
    mov ecx, MSR_EFER           ; for the RDMSR probe: one that exists
    iretq

; The common end of every stub. RSP: the frame above, on the TSS' stack (or on C++'s, if ring 0 itself faulted).
ring1_return:
    push rax
    mov rax, [outcome]
    pop qword [rax + OUTCOME_RAX]
    pop qword [rax + OUTCOME_VECTOR]
    pop qword [rax + OUTCOME_ERROR]
    pop qword [rax + OUTCOME_RIP]
    pop qword [rax + OUTCOME_CS]
    pop qword [rax + OUTCOME_RFLAGS]
    mov rsp, [resume_rsp]
    cld
    popfq
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

; void ring1_load_tables(const DescriptorTablePointer *gdt, const DescriptorTablePointer *idt)
; Keeps the current IDTR for ring1_restore_idt, then loads ours. Clobbers RAX.
global ring1_load_tables
ring1_load_tables:
    sidt [saved_idt]
    lgdt [rdi]
    lidt [rsi]
    push RING0_CODE
    lea rax, [.reloaded]
    push rax
    o64 retf
.reloaded:
    mov eax, TASK_STATE
    ltr ax
    ret

; void ring1_restore_idt()
; The ways back from ring 1 left null selectors in SS, DS and ES. Clobbers RAX.
global ring1_restore_idt
ring1_restore_idt:
    lidt [saved_idt]
    mov eax, RING0_DATA
    mov ss, eax
    mov ds, eax
    mov es, eax
    ret

; An entry for each exception, 16 bytes apart; the last one for COMPLETED.
; Vectors that push an error code: 8, 10-14, 17, 21, 29, 30 (Intel SDM vol. 3, table 6-1; AMD APM vol. 2, 8.1).
%define HAS_ERROR_CODE(vector) \
    ((vector) == 8 || ((vector) >= 10 && (vector) <= 14) || (vector) == 17 || (vector) == 21 || \
     (vector) == 29 || (vector) == 30)

align 16
global ring1_stubs
ring1_stubs:
%assign vector 0
%rep 32
    align 16
  %if vector == VECTOR_NMI
    iretq                       ; not ours, and nobody is there yet to take it
  %else
    %if !HAS_ERROR_CODE(vector)
    push 0
    %endif
    push vector
    jmp ring1_return
  %endif
  %assign vector vector + 1
%endrep
    align 16
    push 0
    push COMPLETED
    jmp ring1_return

; The probes. Each begins with the instruction that must fault, so that the fault's RIP is the probe's address. None does
; harm where it does not fault.
%macro probe 2+
global ring1_probe_%1
ring1_probe_%1:
    %2
    int COMPLETED
%endmacro

    probe cli,      cli
    probe sti,      sti
    probe swapgs,   swapgs
    probe read_cr3, mov rax, cr3
    probe clts,     clts
    probe rdmsr,    rdmsr
    probe in,       in al, 0x80
    probe stac,     stac

; POPF with IF = 0 and IOPL = 3: neither may be taken. RAX: RFLAGS afterwards.
global ring1_probe_popf
ring1_probe_popf:
    pushfq
    pop rax
    and eax, ~0x200
    or eax, 0x3000
    push rax
    popfq
    pushfq
    pop rax
    int COMPLETED

section .bss
align 16
resume_rsp: resq 1
outcome:    resq 1
saved_idt:  resb 16

section .note.GNU-stack noalloc noexec nowrite progbits
