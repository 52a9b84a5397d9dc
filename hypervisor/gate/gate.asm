; SPDX-License-Identifier: Apache-2.0
;
; The gate: the only code of Ringfold that guests' address spaces map. It delivers system calls, exceptions and upcalls
; to the guest kernel in ring 1, makes the switch to the hypervisor's space and back, and nothing else. No indirect
; branch, no RET; every branch stays in the gate or goes to an entry point of the image by JMP rel32.
;
; Frames. The processor switches to GATE_STACK_TOP (RSP0) on any event from rings 1 and 3; the stubs complete its frame
; so that the same words stand at the same place every time:
;
;     GATE_STACK_TOP -  8   SS          pushed by the processor
;                    - 16   RSP
;                    - 24   RFLAGS
;                    - 32   CS
;                    - 40   RIP
;                    - 48   error code  the processor's, or 0
;                    - 56   vector      by the stub
;                    - 64   RAX         saved
;                    - 72   RCX         saved while the gate delivers
;                    - 80   RDX
;                    - 88   RBX
;
; This is the upper end of struct EntryFrame: entry.asm copies it (by its alias in the hypervisor's space) and adds the
; remaining registers. A system call has no frame: its words stay in RCX, R11 and the spill slots.
;
; Scratch (gate stack, IST pages, spill slots) is writable by ring 1. Nothing read from it was written before the
; current entry: no guest instruction runs on this CPU in between, and no other CPU maps these frames.
;
; Interrupts are off in the whole gate (interrupt gates; SFMASK); NMI, #MC and #DB can come at every instruction.

%include "gate_offsets.inc"

bits 64
default rel

%define CONSTANTS(name) [rel GATE_CONSTANTS_AT + CONSTANTS_ %+ name]
%define PAGE(name)      [rel VCPU_PAGE_AT + PAGE_ %+ name]
%define SPILL(name)     [rel GATE_SPILL_AT + SPILL_ %+ name]

; nasm makes an address RIP-relative only against a symbol: see addresses.asm.
extern GATE_CONSTANTS_AT, VCPU_PAGE_AT, GATE_SPILL_AT, GATE_STACK_TOP_AT, MAIN_STACK_TOP_AT
extern IST_TOP_1_AT, IST_TOP_2_AT, IST_TOP_3_AT, IST_TOP_4_AT
extern IST_ALIAS_TOP_1_AT, IST_ALIAS_TOP_2_AT, IST_ALIAS_TOP_3_AT, IST_ALIAS_TOP_4_AT
extern NMI_STACK_TOP_AT, MACHINE_CHECK_STACK_TOP_AT, DEBUG_STACK_TOP_AT, DOUBLE_FAULT_STACK_TOP_AT

; entry points of the image, in entry.asm
extern entry_from_hypercall, entry_from_gate_stack, entry_from_ist
extern entry_interrupt_in_hypervisor, entry_exception_in_hypervisor, entry_fault_in_gate

RFLAGS_INTERRUPT  equ 1 << 9
RFLAGS_RESERVED_1 equ 1 << 1
RFLAGS_GUEST_KERNEL equ RFLAGS_INTERRUPT | RFLAGS_RESERVED_1
; what a guest may not have in a frame that the gate itself returns to: IOPL, NT, VM, VIF, VIP
RFLAGS_REFUSED    equ 0x3000 | 1 << 14 | 1 << 17 | 1 << 19 | 1 << 20

; exceptions with an error code: #DF #TS #NP #SS #GP #PF #AC #CP (Intel SDM vol. 3A, table 6-1)
ERROR_CODE_VECTORS equ 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17 | 1 << 21

; offsets from RSP while four registers are saved
SAVED_RBX    equ 0
SAVED_RDX    equ 8
SAVED_RCX    equ 16
SAVED_RAX    equ 24
FRAME_VECTOR equ 32
FRAME_ERROR  equ 40
FRAME_RIP    equ 48
FRAME_CS     equ 56
FRAME_RFLAGS equ 64
FRAME_RSP    equ 72
FRAME_SS     equ 80

section .gate.text progbits alloc exec nowrite align=4096

global gate_text_start
gate_text_start:

; ---------------------------------------------------------------------------------------------------------------------
; SYSCALL, from ring 1 or 3. In: RCX = return RIP, R11 = RFLAGS, RSP = the guest's, CS:SS = gate_cs:gate_ss, IF = 0.
; ---------------------------------------------------------------------------------------------------------------------

; %1 entry label, %2 constants' name of the entry point, %3 user CS, %4 reach constant
%macro SYSCALL_DELIVERY 4
    mov     SPILL(RSP), rsp
    mov     SPILL(RAX), rax
    mov     SPILL(RDX), rdx
    lea     rsp, [GATE_STACK_TOP_AT]        ; from here on RSP is ours
global %1_loaded
%1_loaded:
    mov     rdx, PAGE(KERNEL_STACK)         ; read once
    and     rdx, -16                        ; as hardware aligns
    mov     rax, CONSTANTS(SLOT_BIAS)
    add     rax, rdx
    cmp     rax, CONSTANTS(%4)              ; would the frame touch slot 256, or is there no entry point?
    jb      %1_undeliverable
%1_stores:                                  ; a fault from here to _stores_end: %1_undeliverable
    mov     qword [rdx - 8], GUEST_USER_DS
    mov     rax, SPILL(RSP)
    mov     [rdx - 16], rax
    movzx   eax, byte PAGE(INTERRUPT_FLAG)  ; IF of the frame is the virtual flag
    and     eax, 1
    shl     eax, 9
    and     r11, ~RFLAGS_INTERRUPT
    or      r11, rax
    mov     [rdx - 24], r11
    mov     qword [rdx - 32], %3
    mov     [rdx - 40], rcx
    sub     rdx, 40
    rdgsbase rax
    mov     PAGE(USER_GS_BASE), rax
    mov     rax, PAGE(KERNEL_GS_BASE)
    wrgsbase rax                            ; #GP if not canonical
%1_stores_end:
    mov     byte PAGE(INTERRUPT_FLAG), 0
    push    GUEST_KERNEL_DS
    push    rdx
    push    RFLAGS_GUEST_KERNEL
    push    GUEST_KERNEL_CS
    push    qword CONSTANTS(%2)
    mov     rax, SPILL(RAX)
    mov     rdx, SPILL(RDX)
    iretq                                   ; to ring 1: a canonical RIP and our own selectors, cannot fault

; The frame cannot be pushed: make the words of the system call a frame on the gate stack, deliver a double fault.
; In: RSP may be anywhere on the gate stack; RCX and R11 as at the entry (but for IF of R11).
%1_undeliverable:
    lea     rsp, [GATE_STACK_TOP_AT]
    or      r11, RFLAGS_INTERRUPT           ; deliver puts the virtual flag in again
    push    GUEST_USER_DS
    push    qword SPILL(RSP)
    push    r11
    push    %3
    push    rcx
    push    0                               ; error code
    push    ENTRY_DOUBLE_FAULT              ; vector
    push    qword SPILL(RAX)
    push    rcx
    push    qword SPILL(RDX)
    push    rbx
    mov     ecx, 3                          ; from ring 3
    jmp     deliver_double_fault
%endmacro

align 16
global gate_syscall
gate_syscall:
    cmp     rcx, CONSTANTS(HYPERCALL_RETURN)
    je      hypercall                       ; exactly there: ring 1 by construction
    SYSCALL_DELIVERY gate_syscall, SYSCALL, GUEST_USER_CS, SYSCALL_REACH

; SYSCALL from compatibility mode (AMD): never a hypercall.
align 16
global gate_syscall32
gate_syscall32:
    SYSCALL_DELIVERY gate_syscall32, SYSCALL32, GUEST_USER32_CS, SYSCALL32_REACH

; A hypercall. In: RAX = number, RCX = the registered address (and so free), RSP = the guest's.
hypercall:
    cmp     rax, GATE_CALL_INVALIDATE_PAGE
    jae     gate_call
hypercall_proper:
    mov     rcx, rsp
    mov     rsp, CONSTANTS(HYPERVISOR_ROOT)
    mov     cr3, rsp                        ; the hypervisor's space; all general registers but RCX are the guest's
    lea     rsp, [MAIN_STACK_TOP_AT]
    jmp     entry_from_hypercall

; Gate calls: RDI = linear address. RAX, RDX := 0.
gate_call:
    jne     .not_invalidate
    test    byte CONSTANTS(GATE_CALLS), 1   ; without PCIDs there is only one root to invalidate in
    jnz     .invalidate
    test    rdi, rdi
    js      hypercall_proper                ; the kernel half is cached under several PCIDs
.invalidate:
    invlpg  [rdi]
    jmp     .return
.not_invalidate:
    cmp     rax, GATE_CALL_FLUSH
    jne     hypercall_proper                ; unknown: the hypervisor says so
    mov     rax, cr3                        ; reads without bit 63: loading it flushes the current PCID
    mov     cr3, rax
.return:
    xor     eax, eax
    xor     edx, edx
    mov     rcx, rsp
    lea     rsp, [GATE_STACK_TOP_AT]
    push    GUEST_KERNEL_DS
    push    rcx
    push    r11
    push    GUEST_KERNEL_CS
    push    qword CONSTANTS(HYPERCALL_RETURN)
    iretq                                   ; the address was checked when it was registered

global gate_syscall_window_end              ; from gate_text_start to here RSP may be the guest's
gate_syscall_window_end:

; ---------------------------------------------------------------------------------------------------------------------
; Exceptions and interrupts: one stub a vector.
; ---------------------------------------------------------------------------------------------------------------------

%macro STUB 2 ; vector, target
gate_stub_%1:
  %if %1 >= 32 || ((ERROR_CODE_VECTORS >> %1) & 1) == 0
    push    0
  %endif
    push    %1
    jmp     %2
%endmacro

%assign vector 0
%rep 32
  %if vector != 1 && vector != 2 && vector != 8 && vector != 18
    STUB vector, exception
  %endif
  %assign vector vector + 1
%endrep
%rep 224
  %if vector != VECTOR_INT80 && vector != VECTOR_SLOW_RETURN
    STUB vector, interrupt
  %endif
  %assign vector vector + 1
%endrep

; An interrupt: always the hypervisor's. In: frame down to the vector.
interrupt:
    test    byte [rsp + 24], 3              ; CS
    jz      entry_interrupt_in_hypervisor   ; ring 0 has interrupts on only in the hypervisor proper
    push    rax
to_hypervisor:                              ; RSP -> saved RAX, at its place
    mov     rax, CONSTANTS(HYPERVISOR_ROOT)
    mov     cr3, rax
    lea     rsp, [MAIN_STACK_TOP_AT]
    jmp     entry_from_gate_stack

; INT 0x80 from rings 1 and 3: delivered to its own entry point, never a hypercall.
gate_stub_int80:
    push    0
    push    VECTOR_INT80
    push    rax
    push    rcx
    push    rdx
    push    rbx
    mov     ebx, ENTRY_INT80
    mov     ecx, [rsp + FRAME_CS]
    jmp     deliver

; An exception that is delivered without the hypervisor. In: frame down to the vector.
exception:
    push    rax
    push    rcx
    push    rdx
    push    rbx
    mov     rbx, [rsp + FRAME_VECTOR]
    mov     rcx, [rsp + FRAME_CS]
    test    cl, 3
    jz      exception_in_ring_0
    cmp     ebx, 14
    jne     .no_cr2
    mov     rax, cr2                        ; taken before the first guest store, which could fault itself
    mov     PAGE(CR2), rax
.no_cr2:
    mov     rax, [rsp + FRAME_RIP]
    cmp     rax, CONSTANTS(WINDOW_IRETQ)
    je      exception_at_window_iretq

; Deliver to ring 1. In: EBX = index of the entry point, CL bit 1 = from ring 3, the frame of the interrupted context at
; its place with four registers saved, RSP there.
deliver:
    lea     rax, [GATE_CONSTANTS_AT + CONSTANTS_ENTRIES]
    cmp     qword [rax + rbx * 8], 0
    je      deliver_double_fault            ; nobody home
    mov     rdx, [rsp + FRAME_RSP]
    test    cl, 2
    jz      deliver_on_stack
    mov     rdx, PAGE(KERNEL_STACK)         ; read once
deliver_on_stack:                           ; RDX = the stack pointer to push at
    and     rdx, -16
    mov     rax, CONSTANTS(SLOT_BIAS)
    add     rax, rdx
    cmp     rax, CONSTANTS(STORE_REACH)
    jb      deliver_double_fault            ; it would touch slot 256
deliver_stores:                             ; a fault from here to deliver_stores_end: deliver_double_fault
    mov     rax, [rsp + FRAME_SS]
    mov     [rdx - 8], rax
    mov     rax, [rsp + FRAME_RSP]
    mov     [rdx - 16], rax
    mov     rax, [rsp + FRAME_CS]
    mov     [rdx - 32], rax
    mov     rax, [rsp + FRAME_RIP]
    mov     [rdx - 40], rax
    movzx   eax, byte PAGE(INTERRUPT_FLAG)  ; IF of the frame is the virtual flag
    and     eax, 1
    shl     eax, 9
    push    rcx                             ; RAX is needed twice
    mov     rcx, [rsp + 8 + FRAME_RFLAGS]
    and     rcx, ~RFLAGS_INTERRUPT
    or      rax, rcx
    pop     rcx
    mov     [rdx - 24], rax
    sub     rdx, 40
    cmp     ebx, ENTRY_BAD_RETURN
    je      .error_and_vector
    mov     eax, ERROR_CODE_VECTORS
    bt      rax, rbx                        ; indices above 31 have none: the mask is 0 there
    jnc     .pushed
    mov     rax, [rsp + FRAME_ERROR]
    mov     [rdx - 8], rax
    sub     rdx, 8
    jmp     .pushed
.error_and_vector:
    mov     rax, [rsp + FRAME_ERROR]
    mov     [rdx - 8], rax
    mov     rax, [rsp + FRAME_VECTOR]
    mov     [rdx - 16], rax
    sub     rdx, 16
.pushed:
    test    cl, 2
    jz      deliver_stores_end
    rdgsbase rax
    mov     PAGE(USER_GS_BASE), rax
    mov     rax, PAGE(KERNEL_GS_BASE)
    wrgsbase rax                            ; #GP if not canonical
deliver_stores_end:
    mov     byte PAGE(INTERRUPT_FLAG), 0
    ; the frame on the gate stack now becomes the one to return to
    mov     qword [rsp + FRAME_SS], GUEST_KERNEL_DS
    mov     [rsp + FRAME_RSP], rdx
    mov     qword [rsp + FRAME_RFLAGS], RFLAGS_GUEST_KERNEL
    mov     qword [rsp + FRAME_CS], GUEST_KERNEL_CS
    lea     rax, [GATE_CONSTANTS_AT + CONSTANTS_ENTRIES]
    mov     rax, [rax + rbx * 8]
    mov     [rsp + FRAME_RIP], rax
    pop     rbx
    pop     rdx
    pop     rcx
    pop     rax
    add     rsp, 16
    iretq                                   ; to ring 1: a canonical RIP and our own selectors, cannot fault

; What was to be delivered cannot be: a double fault on the emergency stack; or, if that is what failed, the end.
; In: as deliver; EBX = what failed, if it is the double fault, FRAME_VECTOR says so too.
deliver_double_fault:
    cmp     ebx, ENTRY_DOUBLE_FAULT
    je      undeliverable
    mov     ebx, ENTRY_DOUBLE_FAULT
    lea     rax, [GATE_CONSTANTS_AT + CONSTANTS_ENTRIES]
    cmp     qword [rax + ENTRY_DOUBLE_FAULT * 8], 0
    je      undeliverable
    mov     qword [rsp + FRAME_VECTOR], ENTRY_DOUBLE_FAULT
    mov     qword [rsp + FRAME_ERROR], 0
    mov     rdx, PAGE(EMERGENCY_STACK)      ; read once
    jmp     deliver_on_stack

undeliverable:
    mov     qword [rsp + FRAME_VECTOR], VECTOR_UNDELIVERABLE
    pop     rbx
    pop     rdx
    pop     rcx
    jmp     to_hypervisor

; The guest's own IRETQ of the return window faulted. Only #NP, #SS and #GP can be that; anything else is an ordinary
; exception of ring 1 there.
exception_at_window_iretq:
    lea     eax, [rbx - 11]
    cmp     eax, 13 - 11
    ja      deliver
    test    cl, 2
    jnz     deliver                         ; ring 3 at the same address: not the window
; The frame delivered is the return area's; the GS base is the user's already, so it counts as from ring 3.
load_return_frame:
%assign word 0
%rep 5
    mov     rax, PAGE(RETURN_FRAME + word)  ; each read once
    mov     [rsp + FRAME_RIP + word], rax
  %assign word word + 8
%endrep
    mov     ebx, ENTRY_BAD_RETURN
    mov     ecx, 3
    jmp     deliver

; ---------------------------------------------------------------------------------------------------------------------
; INT 0x81 from ring 1 (DPL 1): return to ring 3 by the frame in the vCPU page, every register kept, or take the upcall
; that is pending as if from there.
; ---------------------------------------------------------------------------------------------------------------------
gate_stub_slow_return:
    push    0
    push    13                              ; what a bad frame is reported as
    push    rax
    push    rcx
    push    rdx
    push    rbx
%assign word 0
%rep 5
    mov     rax, PAGE(RETURN_FRAME + word)  ; each read once
    mov     [rsp + FRAME_RIP + word], rax
  %assign word word + 8
%endrep
    mov     ebx, ENTRY_BAD_RETURN
    mov     ecx, 3
    mov     rax, [rsp + FRAME_CS]
    and     al, [rsp + FRAME_SS]            ; both must name ring 3
    not     al
    test    al, 3
    jnz     deliver                         ; as a bad return
    mov     eax, RFLAGS_REFUSED
    not     rax
    and     rax, [rsp + FRAME_RFLAGS]
    or      rax, RFLAGS_INTERRUPT
    mov     [rsp + FRAME_RFLAGS], rax
    mov     byte PAGE(INTERRUPT_FLAG), 1
    cmp     byte PAGE(UPCALL_PENDING), 0
    je      .return
    lea     rax, [GATE_CONSTANTS_AT + CONSTANTS_ENTRIES]
    cmp     qword [rax + ENTRY_UPCALL * 8], 0
    je      .return                         ; it stays pending
    mov     ebx, ENTRY_UPCALL
    jmp     deliver
.return:
    pop     rbx
    pop     rdx
    pop     rcx
    pop     rax
    add     rsp, 16
global gate_slow_return_iretq
gate_slow_return_iretq:
    iretq                                   ; a fault: bad_return_in_gate

; ---------------------------------------------------------------------------------------------------------------------
; An exception in ring 0: one of our fix-ups, or a bug. In: frame of the gate or the hypervisor, four registers saved.
; ---------------------------------------------------------------------------------------------------------------------
exception_in_ring_0:
    mov     rax, [rsp + FRAME_RIP]
    lea     rdx, [gate_text_start]
    sub     rax, rdx                        ; offset in the gate
    cmp     rax, gate_code_end - gate_text_start
    jae     entry_exception_in_hypervisor   ; the hypervisor proper: its space, its stack
; %1 first label, %2 last label, %3 where to go
%macro FIX_UP 3
    lea     rdx, [rax - (%1 - gate_text_start)]
    cmp     rdx, %2 - %1
    jb      %3
%endmacro
    FIX_UP  gate_syscall_stores, gate_syscall_stores_end, .syscall
    FIX_UP  gate_syscall32_stores, gate_syscall32_stores_end, .syscall32
    FIX_UP  deliver_stores, deliver_stores_end, .deliver
    cmp     rax, gate_slow_return_iretq - gate_text_start
    je      bad_return_in_gate
    cmp     rax, gate_resume_iretq - gate_text_start
    je      bad_return_in_gate
    mov     rcx, rsp                        ; a bug: tell where the frame is, in the space that is current
    mov     rax, cr3
    mov     rdx, CONSTANTS(HYPERVISOR_ROOT)
    mov     cr3, rdx
    lea     rsp, [DOUBLE_FAULT_STACK_TOP_AT]
    jmp     entry_fault_in_gate
; Take back the registers at the fault and the stack pointer there.
.syscall:
    mov     rbx, [rsp + SAVED_RBX]
    mov     rcx, [rsp + SAVED_RCX]
    jmp     gate_syscall_undeliverable
.syscall32:
    mov     rbx, [rsp + SAVED_RBX]
    mov     rcx, [rsp + SAVED_RCX]
    jmp     gate_syscall32_undeliverable
.deliver:
    mov     rbx, [rsp + SAVED_RBX]
    mov     rcx, [rsp + SAVED_RCX]
    lea     rsp, [GATE_STACK_TOP_AT - 88]
    jmp     deliver_double_fault

; An IRETQ of the gate to ring 3 faulted: RIP not canonical, or a selector that is no good. The frame it was to return
; to stands at GATE_STACK_TOP - 40 with every register the guest's; below it now stands the frame of the fault:
; SS at - 56, RSP, RFLAGS, CS, RIP - 88, error - 96, vector - 104, RAX - 112, RCX, RDX, RBX - 136 (the processor aligned
; RSP from - 40 to - 48 first).
bad_return_in_gate:
    mov     rax, [rsp + FRAME_ERROR]
    mov     [GATE_STACK_TOP_AT - 48], rax
    mov     [GATE_STACK_TOP_AT - 56], rbx   ; vector
    mov     rax, [rsp + SAVED_RAX]
    mov     [GATE_STACK_TOP_AT - 64], rax
    mov     rax, [rsp + SAVED_RCX]
    mov     [GATE_STACK_TOP_AT - 72], rax
    mov     rax, [rsp + SAVED_RDX]
    mov     [GATE_STACK_TOP_AT - 80], rax
    mov     rax, [rsp + SAVED_RBX]
    mov     [GATE_STACK_TOP_AT - 88], rax
    lea     rsp, [GATE_STACK_TOP_AT - 88]
    mov     ebx, ENTRY_BAD_RETURN
    mov     ecx, 3
    jmp     deliver

; ---------------------------------------------------------------------------------------------------------------------
; Leaving the hypervisor. In: the hypervisor's space; RAX = CR3 value of the guest; all other registers the guest's;
; the frame with RAX, vector and error written to the guest's gate stack through the alias.
; ---------------------------------------------------------------------------------------------------------------------
align 16
global gate_resume
gate_resume:
    lea     rsp, [GATE_STACK_TOP_AT - 64]   ; before CR3: mapped in both spaces, so an NMI in between finds a stack
    mov     cr3, rax
    pop     rax
    add     rsp, 16
global gate_resume_iretq
gate_resume_iretq:
    iretq                                   ; a fault: bad_return_in_gate

; The same, but what the vector word indexes is delivered from that frame.
global gate_deliver
gate_deliver:
    lea     rsp, [GATE_STACK_TOP_AT - 64]
    mov     cr3, rax
    push    rcx
    push    rdx
    push    rbx
    mov     ebx, [rsp + FRAME_VECTOR]
    mov     rcx, SPILL(DELIVERED_FROM)
    jmp     deliver

; ---------------------------------------------------------------------------------------------------------------------
; NMI, #MC, #DB, #DF: at any instruction, in either space, with any RSP. Each leaves its IST page at once.
;
;     IST_TOP -  8 SS, RSP, RFLAGS, CS, RIP - 40, error - 48, vector - 56, RAX - 64, RCX - 72
; ---------------------------------------------------------------------------------------------------------------------
%macro IST_STUB 5 ; label, vector, IST number, stack, has error code
global %1
%1:
  %if %5 == 0
    push    0
  %endif
    push    %2
    push    rax
    push    rcx
    mov     rax, cr3                        ; which space was interrupted
    mov     rcx, CONSTANTS(HYPERVISOR_ROOT)
    mov     cr3, rcx
    cmp     rax, CONSTANTS(HYPERVISOR_ROOT_SEEN)
    lea     rcx, [IST_TOP_%3_AT]
    je      %%same_space
    lea     rcx, [IST_ALIAS_TOP_%3_AT]      ; the words lie in the guest face's frame
%%same_space:
    lea     rsp, [%4]
    jmp     entry_from_ist                  ; RCX = top of the frame, RAX = CR3 of the interrupted context
%endmacro

    IST_STUB gate_nmi, 2, 1, NMI_STACK_TOP_AT, 0
    IST_STUB gate_machine_check, 18, 2, MACHINE_CHECK_STACK_TOP_AT, 0
    IST_STUB gate_debug, 1, 3, DEBUG_STACK_TOP_AT, 0
    IST_STUB gate_double_fault, 8, 4, DOUBLE_FAULT_STACK_TOP_AT, 1

; Back to a ring-0 context by IRETQ, from the words that still stand on the IST page of its space. In: RAX = CR3 value;
; all other registers but RCX restored. For the NMI (blocking ends here), and for a #DB or #MC between SYSCALL and the end
; of its window, where RSP may be the guest's: there NMIs cannot be blocked, since guests never run with them blocked.
%macro IST_IRETQ 2 ; label, IST number
global %1
%1:
    lea     rsp, [IST_TOP_%2_AT - 72]       ; before CR3: mapped in both spaces
    mov     cr3, rax
    pop     rcx
    pop     rax
    add     rsp, 16
    iretq                                   ; ring 0 to ring 0, to where the processor just was: cannot fault
%endmacro
    IST_IRETQ gate_nmi_iretq, 1
    IST_IRETQ gate_machine_check_iretq, 2
    IST_IRETQ gate_debug_iretq, 3

; Back to a ring-0 context without IRETQ, so that NMI blocking stays as it is. In: RAX = CR3 value, RSP -> RAX, RFLAGS,
; RIP, CS written below the interrupted stack pointer in that space.
global gate_return_without_iretq
gate_return_without_iretq:
    mov     cr3, rax
    pop     rax
    popfq
    retfq

global gate_code_end
gate_code_end:

; ---------------------------------------------------------------------------------------------------------------------
; The stubs' addresses, for the IDT.
; ---------------------------------------------------------------------------------------------------------------------
section .rodata progbits alloc noexec nowrite align=8
global gate_stubs
gate_stubs:
%assign vector 0
%rep 256
  %if vector == 1
    dq gate_debug
  %elif vector == 2
    dq gate_nmi
  %elif vector == 8
    dq gate_double_fault
  %elif vector == 18
    dq gate_machine_check
  %elif vector == VECTOR_INT80
    dq gate_stub_int80
  %elif vector == VECTOR_SLOW_RETURN
    dq gate_stub_slow_return
  %else
    dq gate_stub_ %+ vector
  %endif
  %assign vector vector + 1
%endrep
section .note.GNU-stack noalloc noexec nowrite progbits
