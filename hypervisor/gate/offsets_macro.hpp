// SPDX-License-Identifier: Apache-2.0
//
// How assembly learns C++ structure offsets: gate/offsets.cpp uses these macros inside one function, is compiled to
// assembly text, and scripts/build/assembly_offsets.py turns the markers found there into `%define NAME value` lines of
// gate_offsets.inc. The text never becomes part of the image.
#pragma once

#include <cstddef>
#include <cstdint>

// NAME = value, an integral constant expression of up to 64 bits. In two halves: GCC prints no wider operand.
#define CONSTANT(NAME, value)                                                     \
    asm volatile("\n.ascii \"->" #NAME " %c0 %c1\""                               \
                 :                                                                \
                 : "i"(static_cast<int32_t>(static_cast<uint64_t>(value) >> 32)), \
                   "i"(static_cast<int32_t>(static_cast<uint64_t>(value))))

// NAME = the offset of `member` in `Struct`, which must have standard layout.
#define OFFSET(NAME, Struct, member) CONSTANT(NAME, offsetof(Struct, member))
