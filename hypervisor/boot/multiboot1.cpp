// SPDX-License-Identifier: Apache-2.0
//
// Multiboot Specification version 0.6.96, section 3.3: a fixed structure of pointers.
#include "hypervisor/boot/boot_information.hpp"
#include "hypervisor/boot/boot_reader.hpp"

namespace ringfold {

namespace {

constexpr uint64_t information_size = 88;
constexpr std::size_t flags_at = 0;
constexpr std::size_t command_line_at = 16;
constexpr std::size_t module_count_at = 20;
constexpr std::size_t modules_at = 24;
constexpr std::size_t map_length_at = 44;
constexpr std::size_t map_at = 48;
constexpr std::size_t loader_at = 64;

constexpr uint32_t has_command_line = 1 << 2;
constexpr uint32_t has_modules = 1 << 3;
constexpr uint32_t has_memory_map = 1 << 6;
constexpr uint32_t has_loader = 1 << 9;

constexpr std::size_t module_size = 16;
constexpr std::size_t smallest_map_entry = 20;  // without the size field in front
constexpr uint64_t longest_text = 4096;

using Outcome = Expected<void, BootProblem>;

// The string at `address`, of at most longest_text bytes. Its end may lie just below the end of readable memory, so it
// is looked at in small steps.
Expected<std::string_view, BootProblem> read_text(uint32_t address, const PhysicalReader &reader) {
    constexpr uint64_t step = 16;
    uint64_t length = 0;
    while (length < longest_text) {
        // Up to the next multiple of `step`: never past the end of the page that the last byte was found in.
        length += step - (address + length) % step;
        const ByteSpan bytes = TRY(read_physical(reader, MachineAddress{address}, length));
        const auto text = text_at_start(bytes);
        if (text.ok()) {
            return text.value();
        }
    }
    return BootProblem::text_unterminated;
}

Outcome keep_text(uint32_t address, const PhysicalReader &reader, BootInformation &result,
                  void (BootInformation::*set)(TextSlice)) {
    const auto slice = result.keep(TRY(read_text(address, reader)));
    if (!slice) {
        return BootProblem::text_too_long;
    }
    (result.*set)(*slice);
    return {};
}

Outcome parse_modules(uint32_t count, uint32_t address, const PhysicalReader &reader, BootInformation &result) {
    if (count > max_boot_modules) {
        return BootProblem::too_many_modules;
    }
    const ByteSpan table = TRY(read_physical(reader, MachineAddress{address}, uint64_t{count} * module_size));
    for (std::size_t at = 0; at < table.size(); at += module_size) {
        const auto text_address = word_at<uint32_t>(table, at + 8);
        const std::string_view text = text_address == 0 ? std::string_view{} : TRY(read_text(text_address, reader));
        TRY(add_module(word_at<uint32_t>(table, at), word_at<uint32_t>(table, at + 4), text, result));
    }
    return {};
}

Outcome parse_memory_map(uint32_t length, uint32_t address, const PhysicalReader &reader, BootInformation &result) {
    ByteSpan map = TRY(read_physical(reader, MachineAddress{address}, length));
    while (!map.empty()) {
        if (map.size() < sizeof(uint32_t) + smallest_map_entry) {
            return BootProblem::truncated;
        }
        const auto size = word_at<uint32_t>(map, 0);  // of what follows it
        if (size < smallest_map_entry || size > map.size() - sizeof size) {
            return BootProblem::truncated;
        }
        TRY(add_memory_range(word_at<uint64_t>(map, 4), word_at<uint64_t>(map, 12), word_at<uint32_t>(map, 20),
                             result));
        map = map.subspan(sizeof size + size);
    }
    return {};
}

}  // namespace

Outcome parse_multiboot1(MachineAddress information, const PhysicalReader &reader, BootInformation &result) {
    const ByteSpan bytes = TRY(read_physical(reader, information, information_size));
    const auto flags = word_at<uint32_t>(bytes, flags_at);
    if ((flags & has_memory_map) == 0) {
        return BootProblem::no_memory_map;
    }
    TRY(parse_memory_map(word_at<uint32_t>(bytes, map_length_at), word_at<uint32_t>(bytes, map_at), reader, result));
    if (result.memory.empty()) {
        return BootProblem::no_memory_map;
    }
    if ((flags & has_command_line) != 0) {
        TRY(keep_text(word_at<uint32_t>(bytes, command_line_at), reader, result, &BootInformation::set_command_line));
    }
    if ((flags & has_loader) != 0) {
        TRY(keep_text(word_at<uint32_t>(bytes, loader_at), reader, result, &BootInformation::set_loader));
    }
    if ((flags & has_modules) != 0) {
        TRY(parse_modules(word_at<uint32_t>(bytes, module_count_at), word_at<uint32_t>(bytes, modules_at), reader,
                          result));
    }
    return {};
}

}  // namespace ringfold
