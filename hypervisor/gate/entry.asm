; SPDX-License-Identifier: Apache-2.0
;
; The image's side of the gate: in the hypervisor's space, on one of its stacks, with the registers of whoever was
; interrupted. Each routine completes a struct EntryFrame (entry_frame.hpp), calls C++, and leaves by the one exit.
;
;     guest registers -> [MAIN_STACK_TOP - ENTRY_FRAME_SIZE, MAIN_STACK_TOP): the only thing on the main stack then

%include "gate_offsets.inc"

bits 64
default rel

extern GATE_CONSTANTS_AT, GATE_STACK_ALIAS_TOP_AT, MAIN_STACK_TOP_AT
extern gate_resume, gate_deliver, gate_nmi_iretq, gate_machine_check_iretq, gate_debug_iretq
extern gate_return_without_iretq
; C++ (hypervisor/gate/entry.cpp)
extern handle_guest_entry, handle_hypervisor_interrupt, handle_hypervisor_exception, handle_ist_in_ring_0
extern handle_fault_in_gate

; Pushes the registers below RAX in EntryFrame's order.
%macro PUSH_BELOW_RAX 0
    push    rcx
    push    rdx
    push    rbx
    PUSH_BELOW_RBX
%endmacro
%macro PUSH_BELOW_RBX 0
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
%endmacro
%macro POP_BELOW_RAX 0
    pop     r15
    pop     r14
    pop     r13
    pop     r12
    pop     r11
    pop     r10
    pop     r9
    pop     r8
    pop     rbp
    pop     rdi
    pop     rsi
    pop     rbx
    pop     rdx
    pop     rcx
%endmacro

section .text

; From the gate's hypercall. In: RSP = MAIN_STACK_TOP, RAX = number, RCX = guest RSP, R11 = guest RFLAGS, rest = guest's.
global entry_from_hypercall
entry_from_hypercall:
    push    GUEST_KERNEL_DS
    push    rcx
    push    r11
    push    GUEST_KERNEL_CS
    push    qword [GATE_CONSTANTS_AT + CONSTANTS_HYPERCALL_RETURN]
    mov     rcx, [rsp]                      ; RCX and R11 are as SYSCALL left them
    push    0                               ; error code
    push    VECTOR_HYPERCALL
    push    rax
    PUSH_BELOW_RAX
    jmp     run_hypervisor

; From the gate, with the frame on the guest's gate stack. In: RSP = MAIN_STACK_TOP, all but RAX and RSP = guest's.
global entry_from_gate_stack
entry_from_gate_stack:
%assign word 8
%rep 8                                      ; SS, RSP, RFLAGS, CS, RIP, error code, vector, RAX
    push    qword [GATE_STACK_ALIAS_TOP_AT - word]
  %assign word word + 8
%endrep
    PUSH_BELOW_RAX

; RSP -> EntryFrame of the guest, at its place.
run_hypervisor:
    xor     ebp, ebp                        ; the back trace ends here
    cld
    mov     rdi, rsp
    call    handle_guest_entry              ; may have put another vCPU's registers into the frame

; The one exit to a guest. In: RSP -> EntryFrame at its place; EAX = 0: return to it, else deliver (see exit.hpp); what
; belongs on the gate stack is there. A CPU's first entry to a guest comes here too.
global exit_to_guest
exit_to_guest:
    test    eax, eax
    mov     rax, [GATE_CONSTANTS_AT + CONSTANTS_GUEST_ROOT]
    jnz     .deliver
    POP_BELOW_RAX
    jmp     gate_resume
.deliver:
    POP_BELOW_RAX
    jmp     gate_deliver

; void enter_guest(): leaves boot or idle for good and goes to whatever the scheduler finds. Never returns.
global enter_guest
enter_guest:
    lea     rsp, [MAIN_STACK_TOP_AT - ENTRY_FRAME_SIZE]
    xor     ebp, ebp
    mov     rdi, rsp
    extern  schedule_first_guest
    call    schedule_first_guest            ; fills the frame
    jmp     exit_to_guest

; An interrupt while the hypervisor idles. In: its space and stack, frame down to the vector.
global entry_interrupt_in_hypervisor
entry_interrupt_in_hypervisor:
    push    rax
    PUSH_BELOW_RAX
    cld
    mov     rdi, rsp
    call    handle_hypervisor_interrupt
    POP_BELOW_RAX
    pop     rax
    add     rsp, 16                         ; vector, error code
    iretq

; An exception of the hypervisor's own code. In: its space, frame down to RBX. Does not return.
global entry_exception_in_hypervisor
entry_exception_in_hypervisor:
    mov     rax, [rsp + 24]                 ; the four registers that the stub used
    mov     rdx, [rsp + 8]
    PUSH_BELOW_RBX
    cld
    mov     rdi, rsp
    call    handle_hypervisor_exception
    ud2

; A fault of the gate that no fix-up expects. In: RCX = address of the frame (down to RBX) in the space whose CR3 is RAX.
global entry_fault_in_gate
entry_fault_in_gate:
    xor     ebp, ebp
    cld
    mov     rdi, rcx
    mov     rsi, rax
    call    handle_fault_in_gate
    ud2

; NMI, #MC, #DB, #DF. In: RCX = top of the frame (SS, RSP, RFLAGS, CS, RIP, error, vector, RAX, RCX downwards), RAX = CR3
; of the interrupted context, RSP = top of this event's own stack, every other register the interrupted context's.
global entry_from_ist
entry_from_ist:
%assign word 8
%rep 8
    push    qword [rcx - word]
  %assign word word + 8
%endrep
    push    qword [rcx - 72]                ; RCX
    push    rdx
    push    rbx
    PUSH_BELOW_RBX
    push    rax                             ; IstFrame::root
    cld
    test    byte [rcx - 32], 3              ; CS
    jz      .in_ring_0
    ; From a guest: the main stack is empty, so go on there like for any other event. An NMI stays blocked until the
    ; IRETQ that ends this visit.
    lea     rsi, [rsp + 8]
    lea     rsp, [MAIN_STACK_TOP_AT - ENTRY_FRAME_SIZE]
    mov     rdi, rsp
    mov     ecx, ENTRY_FRAME_SIZE / 8
    rep movsq
    jmp     run_hypervisor
.in_ring_0:
    mov     rdi, rsp
    call    handle_ist_in_ring_0            ; EAX = RingZeroReturn; the frame's RAX and vector now say where to
    add     rsp, 8                          ; IstFrame::root
    cmp     eax, RETURN_WITHOUT_IRETQ
    je      .without_iretq
    cmp     eax, RETURN_NMI
    je      .nmi
    cmp     eax, RETURN_MACHINE_CHECK
    je      .machine_check
    POP_BELOW_RAX
    pop     rax                             ; CR3 value; RAX and RCX themselves are on the IST page still
    jmp     gate_debug_iretq
.nmi:
    POP_BELOW_RAX
    pop     rax
    jmp     gate_nmi_iretq
.machine_check:
    POP_BELOW_RAX
    pop     rax
    jmp     gate_machine_check_iretq
.without_iretq:
    POP_BELOW_RAX
    pop     rax                             ; CR3 value
    pop     rsp                             ; -> RAX, RFLAGS, RIP, CS below the interrupted stack pointer
    jmp     gate_return_without_iretq

section .note.GNU-stack noalloc noexec nowrite progbits
