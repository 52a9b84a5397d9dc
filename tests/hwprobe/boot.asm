; SPDX-License-Identifier: Apache-2.0
;
; From a multiboot loader to C++ in long mode. Tables: 4 GiB of machine memory at its own address in 2 MiB pages, for
; supervisors; the 2 MiB at 4 MiB, where the probes' user pages lie, in 4 KiB pages (paging.cpp sets those that are special).

MULTIBOOT1_MAGIC equ 0x1badb002
MULTIBOOT1_FLAGS equ 0
MULTIBOOT2_MAGIC equ 0xe85250d6

CR0_RUNNING equ 0x80010033              ; PG WP NE ET MP PE
CR4_PAE     equ 1 << 5
MSR_EFER    equ 0xc0000080
EFER_RUNNING equ 1 << 8 | 1 << 0        ; LME SCE
PRESENT_WRITABLE_USER equ 7
PRESENT_WRITABLE equ 3
BIG_PAGE    equ 1 << 7
USER_REGION_INDEX equ 2                 ; of the 2 MiB page that is split
CPUID_LONG_MODE equ 1 << 29

section .boot progbits alloc exec write align=8
bits 32
multiboot1_header:
    dd MULTIBOOT1_MAGIC, MULTIBOOT1_FLAGS, -(MULTIBOOT1_MAGIC + MULTIBOOT1_FLAGS)
align 8
multiboot2_header:
    dd MULTIBOOT2_MAGIC, 0, multiboot2_end - multiboot2_header
    dd 0x100000000 - (MULTIBOOT2_MAGIC + multiboot2_end - multiboot2_header)
    dw 0, 0
    dd 8
multiboot2_end:

global boot_entry
boot_entry:
    cli
    cld
    mov esp, boot_stack_top
    mov [loader_magic], eax
    mov [loader_information], ebx
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb .no_long_mode
    mov eax, 0x80000001
    cpuid
    test edx, CPUID_LONG_MODE
    jz .no_long_mode

    mov edi, level2_tables              ; 2048 big pages
    mov eax, PRESENT_WRITABLE | BIG_PAGE
.next_big_page:
    mov [edi], eax
    add edi, 8
    add eax, 1 << 21
    cmp edi, level2_tables + 4 * 4096
    jb .next_big_page
    mov dword [level2_tables + USER_REGION_INDEX * 8], level1_table + PRESENT_WRITABLE_USER
    mov edi, level1_table
    mov eax, (USER_REGION_INDEX << 21) | PRESENT_WRITABLE
.next_page:
    mov [edi], eax
    add edi, 8
    add eax, 4096
    cmp edi, level1_table + 4096
    jb .next_page
    mov edi, level3_table
    mov eax, level2_tables + PRESENT_WRITABLE_USER
.next_gibibyte:
    mov [edi], eax
    add edi, 8
    add eax, 4096
    cmp edi, level3_table + 4 * 8
    jb .next_gibibyte
    mov dword [level4_table], level3_table + PRESENT_WRITABLE_USER

    mov eax, CR4_PAE
    mov cr4, eax
    mov eax, level4_table
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_RUNNING
    wrmsr
    mov eax, CR0_RUNNING
    mov cr0, eax
    lgdt [boot_gdt_pointer]
    jmp 8:long_mode

.no_long_mode:
    mov esi, no_long_mode_text
    mov edi, 0xb8000
    mov ah, 0x4f
.next_character:
    lodsb
    test al, al
    jz .halt
    stosw
    mov dx, 0x3f8
    out dx, al
    jmp .next_character
.halt:
    hlt
    jmp .halt

bits 64
extern hwprobe_main
long_mode:
    mov eax, 16
    mov ss, eax
    mov ds, eax
    mov es, eax
    mov edi, [loader_magic]
    mov esi, [loader_information]
    call hwprobe_main
.halt:
    hlt
    jmp .halt

align 8
boot_gdt:
    dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdt_pointer:
    dw 23
    dd boot_gdt
loader_magic:       dd 0
loader_information: dd 0
no_long_mode_text:  db "This processor has no long mode.", 0

section .bss nobits alloc noexec write align=4096
level4_table:  resb 4096
level3_table:  resb 4096
level2_tables: resb 4 * 4096
global level1_table
level1_table:  resb 4096
boot_stack:    resb 16384
boot_stack_top:
