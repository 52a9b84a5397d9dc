// SPDX-License-Identifier: Apache-2.0
#include "framework/command_line.hpp"

#include "framework/memory.hpp"

#include <cstring>

namespace guest {
namespace {

uint64_t number_in(const char *text) {
    uint64_t number = 0;
    for (; *text >= '0' && *text <= '9'; ++text) {
        number = number * 10 + static_cast<uint64_t>(*text - '0');
    }
    return number;
}

}  // namespace

uint64_t command_line_number(const char *key, uint64_t otherwise) {
    const char *text = start_info().command_line;
    const uint64_t length = std::strlen(key);
    for (uint64_t left = std::strlen(text); left > length; --left, ++text) {
        if (std::memcmp(text, key, length) == 0 && text[length] == '=') {
            return number_in(text + length + 1);
        }
    }
    return otherwise;
}

}  // namespace guest
