// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

extern "C" [[noreturn]] void boot_main(uint32_t magic, uint32_t information) {
    (void)magic;
    (void)information;
    for (const char *p = "hello\r\n"; *p != 0; ++p) {
        asm volatile("outb %0, %1" : : "a"(*p), "Nd"(uint16_t{0x3f8}));
    }
    asm volatile("outl %0, %1" : : "a"(0), "Nd"(uint16_t{0x501}));
    for (;;) {
        asm volatile("hlt");
    }
}
