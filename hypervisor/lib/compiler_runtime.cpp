// SPDX-License-Identifier: Apache-2.0
//
// What the compilers expect of libgcc on the baseline processor (GCC internals, 4.2 "Integer library routines"); libgcc
// itself is built for user space, with a red zone.
#include <cstdint>

extern "C" int __popcountdi2(uint64_t value);

// The usual sum in halves: pairs, nibbles, bytes, then all bytes by a multiplication.
int __popcountdi2(uint64_t value) {
    constexpr uint64_t pairs = 0x5555'5555'5555'5555;
    constexpr uint64_t nibbles = 0x3333'3333'3333'3333;
    constexpr uint64_t bytes = 0x0f0f'0f0f'0f0f'0f0f;
    constexpr uint64_t ones = 0x0101'0101'0101'0101;
    value -= value >> 1 & pairs;
    value = (value & nibbles) + (value >> 2 & nibbles);
    return static_cast<int>((((value + (value >> 4)) & bytes) * ones) >> 56);
}
