// SPDX-License-Identifier: Apache-2.0
//
// The functions that a compiler may call without being told (C++ [intro.compliance], GCC manual 2.1).
#include <cstddef>
#include <cstdint>

extern "C" {

void *memcpy(void *to, const void *from, std::size_t size) {
    void *begin = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return begin;
}

void *memset(void *to, int value, std::size_t size) {
    void *begin = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
    return begin;
}

int memcmp(const void *a, const void *b, std::size_t size) {
    const auto *left = static_cast<const uint8_t *>(a);
    const auto *right = static_cast<const uint8_t *>(b);
    for (; size > 0; --size, ++left, ++right) {
        if (*left != *right) {
            return *left < *right ? -1 : 1;
        }
    }
    return 0;
}

std::size_t strlen(const char *text) {
    std::size_t size = 0;
    while (text[size] != '\0') {
        ++size;
    }
    return size;
}
}
