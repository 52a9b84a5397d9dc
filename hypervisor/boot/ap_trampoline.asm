; SPDX-License-Identifier: Apache-2.0
;
; How an application processor gets from its startup IPI into the hypervisor.
;
;   state      real mode, CS = page number << 8, IP = 0 (Intel SDM vol. 3, 8.4): the first instruction of a copy of
;              ap_trampoline in a frame below 1 MiB. cpu/smp.cpp fills in the parameters and starts one CPU at a time.
;   leaves to  ap_main() on the CPU's own main stack in its own hypervisor space, interrupts off
;   between    the boot tables (boot/entry.asm), which map the frame at its own address
;
; The code finds itself by CS and writes the addresses that depend on it into the copy.

CR0_PROTECTED equ 0x00000011            ; PE, ET
CR0_PAGED     equ 0x80010033            ; PG, WP, NE, ET, MP, PE
CR4_PAE       equ 1 << 5
MSR_EFER      equ 0xc0000080
EFER_LONG     equ 1 << 8 | 1 << 11      ; LME, NXE
CODE64 equ 0x08
DATA   equ 0x10
CODE32 equ 0x18

; struct TrampolineParameters, smp.cpp
PARAMETERS    equ 0x800                 ; where in the frame they are
OFFER         equ PARAMETERS + 0
ROOT          equ PARAMETERS + 8
STACK         equ PARAMETERS + 16
BOOT_ROOT     equ PARAMETERS + 24
OFFER_MADE    equ 1
OFFER_TAKEN   equ 2

%define HERE(label) ((label) - ap_trampoline)

section .rodata
align 16
global ap_trampoline:data hidden, ap_trampoline_end:data hidden

bits 16
ap_trampoline:
    cli
    cld
    mov ax, cs
    mov ds, ax
    movzx ebx, ax
    shl ebx, 4                          ; EBX: the frame's machine address, from here on
    lea eax, [ebx + HERE(descriptors)]
    mov [HERE(descriptor_table_base)], eax
    lea eax, [ebx + HERE(protected_mode)]
    mov [HERE(to_protected_mode)], eax
    lea eax, [ebx + HERE(long_mode)]
    mov [HERE(to_long_mode)], eax
    o32 lgdt [HERE(descriptor_table)]
    mov eax, CR0_PROTECTED
    mov cr0, eax
    jmp dword far [HERE(to_protected_mode)]

bits 32
protected_mode:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    ; A processor that comes after the boot processor gave it up must not touch what now may belong to another.
    mov eax, OFFER_MADE
    mov ecx, OFFER_TAKEN
    lock cmpxchg [ebx + OFFER], ecx
    jne .too_late
    mov eax, CR4_PAE
    mov cr4, eax
    mov eax, [ebx + BOOT_ROOT]
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LONG
    wrmsr
    mov eax, CR0_PAGED
    mov cr0, eax
    jmp far [ebx + HERE(to_long_mode)]
.too_late:
    hlt
    jmp .too_late

bits 64
long_mode:
    mov ebx, ebx                        ; the upper half is undefined after the change of mode
    mov rdi, [rbx + ROOT]
    mov rsi, [rbx + STACK]
    mov rax, ap_entry
    jmp rax

align 8
descriptors:
    dq 0
    dq 0x00af9b000000ffff               ; CODE64
    dq 0x00cf93000000ffff               ; DATA
    dq 0x00cf9b000000ffff               ; CODE32
descriptor_table:
    dw descriptor_table - descriptors - 1
descriptor_table_base:
    dd 0
to_protected_mode:
    dd 0
    dw CODE32
to_long_mode:
    dd 0
    dw CODE64
ap_trampoline_end:

; The same descriptors (accessed, so that nothing is written), until the gate's are loaded.
align 8
image_descriptors:
    dq 0
    dq 0x00af9b000000ffff
    dq 0x00cf93000000ffff
image_descriptor_table:
    dw image_descriptor_table - image_descriptors - 1
    dq image_descriptors

%if ap_trampoline_end - ap_trampoline > PARAMETERS
  %error "the trampoline reaches into its parameters"
%endif

section .text
default rel
extern ap_main
; In: RDI the root to run on, RSI the top of the stack there. The image is mapped alike in both.
ap_entry:
    mov cr3, rdi
    mov rsp, rsi
    lgdt [image_descriptor_table]       ; the trampoline's is out of sight now
    xor ebp, ebp                        ; the last frame of every back trace
    call ap_main
.unreachable:
    hlt
    jmp .unreachable

section .note.GNU-stack noalloc noexec nowrite progbits
