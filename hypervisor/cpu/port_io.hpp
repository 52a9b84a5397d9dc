// SPDX-License-Identifier: Apache-2.0
//
// Port I/O, by width. Only the hypervisor's own devices: a guest's ports never come this way.
#pragma once

#include <cstdint>

namespace ringfold {

inline void write_port8(uint16_t port, uint8_t value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
inline void write_port16(uint16_t port, uint16_t value) { asm volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }
inline void write_port32(uint16_t port, uint32_t value) { asm volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }

[[nodiscard]] inline uint8_t read_port8(uint16_t port) {
    uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
[[nodiscard]] inline uint16_t read_port16(uint16_t port) {
    uint16_t value;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
[[nodiscard]] inline uint32_t read_port32(uint16_t port) {
    uint32_t value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

}  // namespace ringfold
