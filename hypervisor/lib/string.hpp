// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

extern "C" {
void *memcpy(void *target, const void *source, size_t size);
void *memmove(void *target, const void *source, size_t size);
void *memset(void *target, int value, size_t size);
[[nodiscard]] int memcmp(const void *left, const void *right, size_t size);
[[nodiscard]] const void *memchr(const void *bytes, int value, size_t size);
[[nodiscard]] size_t strlen(const char *text);
}
