// SPDX-License-Identifier: Apache-2.0
//
// printf into a buffer: %s %c %d %u %x %p %%, with l or z, a width and leading zeros.
#pragma once

#include <cstdarg>
#include <cstddef>

namespace guest {

// Writes at most `size` bytes, the terminating NUL included; returns the length without it.
size_t format(char *buffer, size_t size, const char *text, va_list arguments);
[[gnu::format(printf, 3, 4)]] size_t format(char *buffer, size_t size, const char *text, ...);

}  // namespace guest
