// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/boot_information.hpp"

#include "hypervisor/mm/virtual_map.hpp"

#include <algorithm>

namespace ringfold {

MachineAddress BootInformation::memory_end() const {
    MachineAddress end;
    for (const MemoryRange &range : memory) {
        if (range.type == MemoryType::available) {
            end = std::max(end, range.end);
        }
    }
    return end;
}

std::optional<TextSlice> BootInformation::keep(std::string_view text) {
    if (text.size() > text_.size() - text_used_) {
        return std::nullopt;
    }
    const TextSlice slice{static_cast<uint32_t>(text_used_), static_cast<uint32_t>(text.size())};
    std::copy(text.begin(), text.end(), text_.begin() + static_cast<std::ptrdiff_t>(text_used_));
    text_used_ += text.size();
    return slice;
}

std::string_view name_of(BootProblem problem) {
    switch (problem) {
        case BootProblem::unknown_loader:
            return "not started by a multiboot loader";
        case BootProblem::unreadable:
            return "a pointer leads outside memory";
        case BootProblem::truncated:
            return "a structure is cut short";
        case BootProblem::text_unterminated:
            return "a string has no end";
        case BootProblem::text_too_long:
            return "the command lines are too long";
        case BootProblem::no_memory_map:
            return "there is no memory map";
        case BootProblem::bad_memory_range:
            return "a memory range wraps around";
        case BootProblem::too_many_memory_ranges:
            return "there are too many memory ranges";
        case BootProblem::bad_module:
            return "a module is empty or ends before it begins";
        case BootProblem::too_many_modules:
            return "there are too many modules";
        case BootProblem::bad_tag:
            return "a tag is too short for its type";
    }
    return "?";
}

Expected<void, BootProblem> parse_boot_information(uint32_t magic, MachineAddress information,
                                                   const PhysicalReader &reader, BootInformation &result) {
    switch (magic) {
        case multiboot1_loader_magic:
            return parse_multiboot1(information, reader, result);
        case multiboot2_loader_magic:
            return parse_multiboot2(information, reader, result);
        default:
            return BootProblem::unknown_loader;
    }
}

Expected<void, BootProblem> add_memory_range(uint64_t base, uint64_t length, uint32_t type, BootInformation &result) {
    if (base + length < base) {
        return BootProblem::bad_memory_range;
    }
    const uint64_t end = std::min(base + length, virtual_map::highest_machine_address);
    if (base >= end) {
        return {};  // empty, or beyond what the direct map reaches
    }
    const bool known =
        type >= static_cast<uint32_t>(MemoryType::available) && type <= static_cast<uint32_t>(MemoryType::defective);
    const MemoryRange range{.begin = MachineAddress{base},
                            .end = MachineAddress{end},
                            .type = known ? static_cast<MemoryType>(type) : MemoryType::reserved};
    if (!result.memory.append(range)) {
        return BootProblem::too_many_memory_ranges;
    }
    return {};
}

Expected<void, BootProblem> add_module(uint64_t begin, uint64_t end, std::string_view text, BootInformation &result) {
    if (end <= begin) {
        return BootProblem::bad_module;
    }
    const auto slice = result.keep(text);
    if (!slice) {
        return BootProblem::text_too_long;
    }
    if (!result.modules.append({MachineAddress{begin}, MachineAddress{end}, *slice})) {
        return BootProblem::too_many_modules;
    }
    return {};
}

}  // namespace ringfold
