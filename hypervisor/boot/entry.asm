; SPDX-License-Identifier: Apache-2.0
;
; The first instructions: from the boot loader's 32-bit protected mode to C++ in long mode.
;
;   state      multiboot (1: section 3.2, 2: section 3.3): protected mode, paging off, flat segments, interrupts off,
;              EAX = magic of the loader, EBX = physical address of the boot information
;   leaves to  boot_main(magic, information) on boot_stack, in these temporary tables, made of 2 MiB pages:
;                  L4[0]              4 GiB of machine memory at its own address, for the way from 32 bits
;                  L4[256] L3[1]      the image, 1 GiB from virtual_map::image on
;                  L4[256] L3[256..]  the same 4 GiB at virtual_map::direct_map
;              They are writable and executable; cpu/hypervisor_space replaces them before anything else happens, and
;              application processors use them once more on their way up.

MULTIBOOT1_HEADER_MAGIC equ 0x1badb002
MULTIBOOT1_FLAGS        equ 0x00000003     ; modules on page boundaries, memory map wanted
MULTIBOOT2_HEADER_MAGIC equ 0xe85250d6
MULTIBOOT2_I386         equ 0

MULTIBOOT2_TAG_END          equ 0
MULTIBOOT2_TAG_REQUEST      equ 1
MULTIBOOT2_TAG_MODULE_ALIGN equ 6
MULTIBOOT2_TAG_OPTIONAL     equ 1

CPUID_FEATURE_EXTENDED   equ 7             ; SDM vol. 2A, CPUID: leaf 7, sub-leaf 0
CPUID_7_EBX_FSGSBASE     equ 1 << 0
CPUID_EXTENDED_MAXIMUM   equ 0x80000000
CPUID_EXTENDED_FEATURE   equ 0x80000001
CPUID_EXTENDED_EDX_NX    equ 1 << 20
CPUID_EXTENDED_EDX_LM    equ 1 << 29

CR0_PE equ 1 << 0
CR0_MP equ 1 << 1
CR0_NE equ 1 << 5
CR0_WP equ 1 << 16
CR0_PG equ 1 << 31
CR4_PAE equ 1 << 5
MSR_EFER equ 0xc0000080
EFER_LME equ 1 << 8
EFER_NXE equ 1 << 11

ENTRY_PRESENT  equ 1 << 0
ENTRY_WRITABLE equ 1 << 1
ENTRY_BIG      equ 1 << 7
TABLE_FLAGS    equ ENTRY_PRESENT | ENTRY_WRITABLE
BIG_PAGE_SHIFT equ 21

OUR_SLOT         equ 256                   ; virtual_map::slot
IMAGE_L3_INDEX   equ 1                     ; virtual_map::image begins 1 GiB into the slot
DIRECT_L3_INDEX  equ 256                   ; virtual_map::direct_map begins 256 GiB into it
LOAD_BIG_PAGE    equ 1                     ; the image is loaded at 2 MiB: big page 1
GIBIBYTES_MAPPED equ 4

SERIAL equ 0x3f8                           ; the first 16550
VGA_TEXT equ 0xb8000
VGA_COLUMNS equ 80
VGA_ATTRIBUTE equ 0x4f                     ; white on red

; ------------------------------------------------------------------------------------------------------------ headers
section .boot.header progbits alloc noexec nowrite align=8

align 4
multiboot1_header:
    dd MULTIBOOT1_HEADER_MAGIC
    dd MULTIBOOT1_FLAGS
    dd -(MULTIBOOT1_HEADER_MAGIC + MULTIBOOT1_FLAGS)

align 8
multiboot2_header:
    dd MULTIBOOT2_HEADER_MAGIC
    dd MULTIBOOT2_I386
    dd .end - multiboot2_header
    dd 0x100000000 - (MULTIBOOT2_HEADER_MAGIC + MULTIBOOT2_I386 + (.end - multiboot2_header))
.request:
    dw MULTIBOOT2_TAG_REQUEST, MULTIBOOT2_TAG_OPTIONAL
    dd .request_end - .request
    dd 1, 3, 6, 14, 15                     ; command line, modules, memory map, ACPI 1 and 2 RSDP
.request_end:
    align 8, db 0
    dw MULTIBOOT2_TAG_MODULE_ALIGN, 0
    dd 8
    dw MULTIBOOT2_TAG_END, 0
    dd 8
.end:

; ---------------------------------------------------------------------------------------------------------- 32-bit code
section .boot.text progbits alloc exec nowrite align=16
bits 32

global boot_entry
boot_entry:
    cli
    cld
    mov     esp, early_stack_top
    mov     [loader_magic], eax
    mov     [loader_information], ebx
    call    program_serial
    call    check_processor
    call    build_tables

    mov     eax, CR4_PAE
    mov     cr4, eax
    mov     eax, boot_l4
    mov     cr3, eax
    mov     ecx, MSR_EFER
    rdmsr
    or      eax, EFER_LME | EFER_NXE
    wrmsr
    mov     eax, CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_PE
    mov     cr0, eax
    lgdt    [boot_gdt_pointer]
    jmp     CODE_SELECTOR:long_mode

; Names every feature that is missing in one line, and stops.
check_processor:
    mov     ebp, missing_nothing           ; becomes what goes before the next name
    mov     eax, CPUID_EXTENDED_MAXIMUM
    cpuid
    xor     edx, edx
    cmp     eax, CPUID_EXTENDED_FEATURE
    jb      .extended_known
    mov     eax, CPUID_EXTENDED_FEATURE
    cpuid
.extended_known:
    test    edx, CPUID_EXTENDED_EDX_LM
    mov     esi, name_long_mode
    call    require
    test    edx, CPUID_EXTENDED_EDX_NX
    mov     esi, name_nx
    call    require
    push    edx
    xor     eax, eax
    cpuid
    xor     ebx, ebx
    cmp     eax, CPUID_FEATURE_EXTENDED
    jb      .leaf_known
    mov     eax, CPUID_FEATURE_EXTENDED
    xor     ecx, ecx
    cpuid
.leaf_known:
    pop     edx
    test    ebx, CPUID_7_EBX_FSGSBASE
    mov     esi, name_fsgsbase
    call    require
    cmp     ebp, missing_nothing
    jne     .refuse
    ret
.refuse:
    mov     esi, message_end
    call    print
.halt:
    hlt
    jmp     .halt

; In: ZF set when the feature named at ESI is missing. Keeps EDX, EBX.
require:
    jnz     .there
    xchg    esi, ebp
    call    print                          ; the opening words, or a comma
    mov     esi, ebp
    call    print
    mov     ebp, separator
.there:
    ret

; 16550 data sheet: divisor latch, then 8 data bits, no parity, 1 stop bit.
program_serial:
    mov     dx, SERIAL + 1
    xor     eax, eax
    out     dx, al                         ; no interrupts
    mov     dx, SERIAL + 3
    mov     al, 0x80
    out     dx, al                         ; divisor latch
    mov     dx, SERIAL
    mov     al, 1
    out     dx, al                         ; 115200 baud
    mov     dx, SERIAL + 1
    xor     eax, eax
    out     dx, al
    mov     dx, SERIAL + 3
    mov     al, 0x03
    out     dx, al                         ; 8N1
    mov     dx, SERIAL + 2
    mov     al, 0x07
    out     dx, al                         ; FIFO on and empty
    ret

; Prints the string at ESI on the serial line and the VGA text screen. Keeps EBX, EDX, EBP.
print:
    push    edx
    push    ebx
.next:
    lodsb
    test    al, al
    jz      .done
    mov     bl, al
    mov     ecx, 100000                    ; a port without a UART must not hang the message
.wait:
    mov     dx, SERIAL + 5
    in      al, dx
    test    al, 0x20                       ; transmitter holding register empty
    loopz   .wait
    mov     dx, SERIAL
    mov     al, bl
    out     dx, al
    cmp     bl, ' '
    jb      .next                          ; line ends are for the serial line only
    mov     edi, [screen_position]
    mov     bh, VGA_ATTRIBUTE
    mov     [edi], bx
    add     dword [screen_position], 2
    jmp     .next
.done:
    pop     ebx
    pop     edx
    ret

; Fills the boot tables. Clobbers EAX, EBX, ECX, EDI.
build_tables:
    mov     dword [boot_l4], boot_l3_low + TABLE_FLAGS
    mov     dword [boot_l4 + OUR_SLOT * 8], boot_l3_slot + TABLE_FLAGS
    mov     dword [boot_l3_slot + IMAGE_L3_INDEX * 8], boot_l2_image + TABLE_FLAGS
    mov     eax, boot_l2_low + TABLE_FLAGS
    xor     ecx, ecx
.gibibyte:
    mov     [boot_l3_low + ecx * 8], eax
    mov     [boot_l3_slot + (DIRECT_L3_INDEX) * 8 + ecx * 8], eax
    add     eax, 4096
    inc     ecx
    cmp     ecx, GIBIBYTES_MAPPED
    jb      .gibibyte
    mov     edi, boot_l2_low
    mov     ebx, GIBIBYTES_MAPPED * 512
    xor     eax, eax
    call    fill_big_pages
    mov     edi, boot_l2_image
    mov     ebx, 511                       ; the last entry would wrap onto the next gibibyte's first page
    mov     eax, LOAD_BIG_PAGE << BIG_PAGE_SHIFT
    ; falls through

; Writes EBX entries from EDI on, mapping big pages from machine address EAX on.
fill_big_pages:
    or      eax, TABLE_FLAGS | ENTRY_BIG
.next:
    mov     [edi], eax
    add     eax, 1 << BIG_PAGE_SHIFT
    add     edi, 8
    dec     ebx
    jnz     .next
    ret

; ---------------------------------------------------------------------------------------------------------- 64-bit code
bits 64
extern boot_main

long_mode:
    mov     rax, high_gdt_pointer          ; the same descriptors where the hypervisor's space has them too
    lgdt    [rax]
    mov     eax, DATA_SELECTOR
    mov     ds, eax
    mov     es, eax
    mov     fs, eax
    mov     gs, eax
    mov     ss, eax
    mov     edi, [loader_magic]
    mov     esi, [loader_information]
    mov     rsp, boot_stack_top
    mov     rax, boot_main
    xor     ebp, ebp                       ; the last frame of every back trace
    call    rax
.unreachable:
    hlt
    jmp     .unreachable

; ---------------------------------------------------------------------------------------------------------------- data
section .boot.data progbits alloc noexec write align=4096
; Tables first: each a page of its own.
boot_l4:        times 4096 db 0
boot_l3_low:    times 4096 db 0
boot_l3_slot:   times 4096 db 0
boot_l2_image:  times 4096 db 0
boot_l2_low:    times GIBIBYTES_MAPPED * 4096 db 0

align 8
boot_gdt:
    dq 0
    dq 0x00af9b000000ffff                  ; 64-bit code, DPL 0, accessed
    dq 0x00cf93000000ffff                  ; data, DPL 0, accessed
boot_gdt_end:
CODE_SELECTOR equ 0x08
DATA_SELECTOR equ 0x10
boot_gdt_pointer:
    dw boot_gdt_end - boot_gdt - 1
    dd boot_gdt
    dd 0

loader_magic:       dd 0
loader_information: dd 0
screen_position:    dd VGA_TEXT
missing_nothing:    db "Ringfold cannot run on this processor. Missing: ", 0
separator:          db ", ", 0
name_long_mode:     db "long mode", 0
name_nx:            db "NX (no-execute pages)", 0
name_fsgsbase:      db "FSGSBASE", 0
message_end:        db ". Halted.", 13, 10, 0

align 16
early_stack:        times 512 db 0
early_stack_top:

; The boot processor stays on this stack until it enters its idle loop. The page below is its guard: cpu/hypervisor_space
; leaves it unmapped.
section .bss nobits alloc noexec write align=4096
BOOT_STACK_SIZE equ 16 * 4096
global boot_stack_guard:data hidden, boot_stack_top:data hidden
boot_stack_guard: resb 4096
boot_stack:       resb BOOT_STACK_SIZE
boot_stack_top:

; For C++, which cannot refer to addresses as low as these.
section .rodata progbits alloc noexec nowrite align=8
global boot_l4_address:data hidden
boot_l4_address: dd boot_l4
align 8
high_gdt:
    dq 0
    dq 0x00af9b000000ffff                  ; CODE_SELECTOR
    dq 0x00cf93000000ffff                  ; DATA_SELECTOR
high_gdt_end:
high_gdt_pointer:
    dw high_gdt_end - high_gdt - 1
    dq high_gdt

section .note.GNU-stack noalloc noexec nowrite progbits
