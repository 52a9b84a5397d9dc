// SPDX-License-Identifier: Apache-2.0
#include "tests/hwprobe/words.hpp"

#include <string_view>

namespace hwprobe {
namespace {

// Physical memory is mapped at its own address.
template <typename T>
const T *at(uint64_t physical) {
    return reinterpret_cast<const T *>(physical);
}

// Multiboot 1, 3.3: flags at 0 (bit 2: there is a command line), its address at 16.
std::string_view multiboot1_command_line(uint32_t information) {
    constexpr uint32_t has_command_line = 1u << 2;
    if ((*at<uint32_t>(information) & has_command_line) == 0) {
        return {};
    }
    return at<char>(*at<uint32_t>(information + 16));
}

// Multiboot 2, 3.6: total size, then tags of type, size, and contents, each on 8 bytes. Type 1 is the command line.
std::string_view multiboot2_command_line(uint32_t information) {
    constexpr uint32_t command_line_tag = 1;
    const uint64_t end = uint64_t{information} + *at<uint32_t>(information);
    for (uint64_t tag = uint64_t{information} + 8; tag + 8 <= end;) {
        const uint32_t type = *at<uint32_t>(tag);
        const uint32_t size = *at<uint32_t>(tag + 4);
        if (type == command_line_tag) {
            return at<char>(tag + 8);
        }
        if (type == 0 || size < 8) {
            break;
        }
        tag += (uint64_t{size} + 7) & ~uint64_t{7};
    }
    return {};
}

// Words are separated by single spaces.
bool contains_word(std::string_view line, std::string_view word) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= line.size(); ++i) {
        if (i < line.size() && line[i] != ' ') {
            continue;
        }
        if (std::string_view{line.data() + begin, i - begin} == word) {
            return true;
        }
        begin = i + 1;
    }
    return false;
}

}  // namespace

CommandLineWords read_command_line(uint32_t magic, uint32_t information) {
    constexpr uint32_t multiboot1 = 0x2bad'b002;
    constexpr uint32_t multiboot2 = 0x36d7'6289;
    std::string_view line;
    if (magic == multiboot1) {
        line = multiboot1_command_line(information);
    } else if (magic == multiboot2) {
        line = multiboot2_command_line(information);
    }
    return {.nowait = contains_word(line, "nowait"), .exit = contains_word(line, "exit")};
}

}  // namespace hwprobe
