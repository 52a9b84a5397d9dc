; SPDX-License-Identifier: Apache-2.0
;
; A 32-bit program: system calls by INT 80h, and a segment of the local descriptor table that stays its own while others
; run. Exits with 32, or with the number of the step that failed.
bits 32

sys_exit        equ 1
sys_write       equ 4
sys_modify_ldt  equ 123
sys_sched_yield equ 158
rounds          equ 100
mark            equ 0x12345678
selector        equ 7                   ; entry 0 of the LDT, ring 3

section .text
global _start
_start:
        mov     eax, sys_write
        mov     ebx, 1
        mov     ecx, text
        mov     edx, text_end - text
        int     0x80
        mov     ebx, 1                  ; step 1: all of it was written
        cmp     eax, text_end - text
        jne     leave
        mov     eax, sys_modify_ldt
        mov     ebx, 1                  ; write an entry
        mov     ecx, descriptor
        mov     edx, 16
        int     0x80
        mov     ebx, 2                  ; step 2: it was taken
        test    eax, eax
        jnz     leave
        mov     eax, selector
        mov     gs, eax
        mov     esi, rounds
again:
        mov     eax, sys_sched_yield
        int     0x80
        mov     ebx, 3                  ; step 3: the segment leads to the mark
        cmp     dword [gs:0], mark
        jne     leave
        dec     esi
        jnz     again
        mov     ebx, 32
leave:
        mov     eax, sys_exit
        int     0x80

section .data
text:   db      "32 bits", 10
text_end:
        align   4
word_of_segment:
        dd      mark
; struct user_desc: entry, base, limit, flags (32-bit, limit in pages, usable)
descriptor:
        dd      0, word_of_segment, 0xfffff, 0x51
