// SPDX-License-Identifier: Apache-2.0
//
// The functions that compilers call on their own in freestanding code (GCC manual, "Standards": memcpy, memmove,
// memset, memcmp), and those that the headers of the standard library use. Microcoded string instructions are the fast
// way on every processor that Ringfold runs on (SDM vol. 1, 7.3.9.3, "Fast-String Operation"); emulators take as long
// for a byte as for eight, so whole words come first. The loops must not be turned back into calls of these very
// functions; volatile assembly is not.
#include "hypervisor/lib/string.hpp"

#include <cstdint>

namespace {

constexpr size_t word_size = sizeof(uint64_t);
constexpr uint64_t ones = 0x0101'0101'0101'0101;

}  // namespace

extern "C" {

void *memcpy(void *target, const void *source, size_t size) {
    void *cursor = target;
    size_t words = size / word_size;
    size_t rest = size % word_size;
    asm volatile("rep movsq" : "+D"(cursor), "+S"(source), "+c"(words) : : "memory");
    asm volatile("rep movsb" : "+D"(cursor), "+S"(source), "+c"(rest) : : "memory");
    return target;
}

void *memmove(void *target, const void *source, size_t size) {
    const uintptr_t to = reinterpret_cast<uintptr_t>(target);
    const uintptr_t from = reinterpret_cast<uintptr_t>(source);
    if (to - from >= size) {  // also when the target lies below: the subtraction wraps
        return memcpy(target, source, size);
    }
    const unsigned char *last_source = static_cast<const unsigned char *>(source) + size - 1;
    unsigned char *last_target = static_cast<unsigned char *>(target) + size - 1;
    asm volatile("std\n\trep movsb\n\tcld" : "+D"(last_target), "+S"(last_source), "+c"(size) : : "memory", "cc");
    return target;
}

void *memset(void *target, int value, size_t size) {
    const uint64_t pattern = ones * static_cast<unsigned char>(value);
    void *cursor = target;
    size_t words = size / word_size;
    size_t rest = size % word_size;
    asm volatile("rep stosq" : "+D"(cursor), "+c"(words) : "a"(pattern) : "memory");
    asm volatile("rep stosb" : "+D"(cursor), "+c"(rest) : "a"(pattern) : "memory");
    return target;
}

int memcmp(const void *left, const void *right, size_t size) {
    const unsigned char *a = static_cast<const unsigned char *>(left);
    const unsigned char *b = static_cast<const unsigned char *>(right);
    for (; size != 0; --size, ++a, ++b) {
        if (*a != *b) {
            return *a < *b ? -1 : 1;
        }
    }
    return 0;
}

const void *memchr(const void *bytes, int value, size_t size) {
    const unsigned char *cursor = static_cast<const unsigned char *>(bytes);
    for (; size != 0; --size, ++cursor) {
        if (*cursor == static_cast<unsigned char>(value)) {
            return cursor;
        }
    }
    return nullptr;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (*static_cast<const volatile char *>(text + length) != '\0') {
        ++length;
    }
    return length;
}

}  // extern "C"
