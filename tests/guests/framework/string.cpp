// SPDX-License-Identifier: Apache-2.0
//
// The functions that a compiler calls on its own account even in freestanding code.
#include <cstddef>
#include <cstdint>

extern "C" {

void *memcpy(void *__restrict destination, const void *__restrict source, size_t size) {
    void *result = destination;
    asm volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(size)::"memory");
    return result;
}

void *memset(void *destination, int value, size_t size) {
    void *result = destination;
    asm volatile("rep stosb" : "+D"(destination), "+c"(size) : "a"(value) : "memory");
    return result;
}

void *memmove(void *destination, const void *source, size_t size) {
    if (reinterpret_cast<uintptr_t>(destination) - reinterpret_cast<uintptr_t>(source) >= size) {
        return memcpy(destination, source, size);
    }
    auto *to = static_cast<volatile uint8_t *>(destination);
    const auto *from = static_cast<const volatile uint8_t *>(source);
    while (size-- > 0) {
        to[size] = from[size];
    }
    return destination;
}

int memcmp(const void *left, const void *right, size_t size) {
    const auto *a = static_cast<const volatile uint8_t *>(left);
    const auto *b = static_cast<const volatile uint8_t *>(right);
    for (size_t i = 0; i < size; ++i) {
        const int difference = a[i] - b[i];
        if (difference != 0) {
            return difference;
        }
    }
    return 0;
}

size_t strlen(const char *text) {
    const volatile char *end = text;
    while (*end != '\0') {
        ++end;
    }
    return static_cast<size_t>(end - text);
}

}  // extern "C"
