// SPDX-License-Identifier: Apache-2.0
//
// Each vCPU's call buffer: two pages, the first for a test's arguments, the second for the console, so that printing
// between composing and issuing a call is harmless.
#pragma once

#include "framework/frame_numbers.hpp"

#include <cstdint>

namespace guest {

inline constexpr uint64_t console_offset = page_size;
inline constexpr uint64_t call_buffer_size = 2 * page_size;

// Registers the calling vCPU's pages.
void set_up_call_buffer();

// The arguments page of the calling vCPU, as a T at call-buffer offset `offset`.
uint8_t *call_buffer_bytes();
template <typename T>
T *call_buffer(uint64_t offset = 0) {
    return reinterpret_cast<T *>(call_buffer_bytes() + offset);
}
char *console_buffer();

}  // namespace guest
