// SPDX-License-Identifier: Apache-2.0
//
// What the firmware says about physical memory.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <cstdint>
#include <string_view>

namespace ringfold {

// The types of the multiboot memory map (multiboot2, 3.6.8), which are those of ACPI's E820 (ACPI 6.5, table 15.4).
enum class MemoryType : uint8_t { available = 1, reserved = 2, acpi_tables = 3, acpi_storage = 4, defective = 5 };

[[nodiscard]] constexpr std::string_view name_of(MemoryType type) {
    switch (type) {
        case MemoryType::available:
            return "available";
        case MemoryType::reserved:
            return "reserved";
        case MemoryType::acpi_tables:
            return "ACPI tables";
        case MemoryType::acpi_storage:
            return "ACPI storage";
        case MemoryType::defective:
            return "defective";
    }
    return "?";
}

struct MemoryRange {
    MachineAddress begin;
    MachineAddress end;  // exclusive
    MemoryType type = MemoryType::reserved;
    [[nodiscard]] constexpr uint64_t size() const { return end - begin; }
};

// Whole frames, [begin, end).
struct FrameRange {
    MachineFrame begin;
    MachineFrame end;
    [[nodiscard]] constexpr FrameCount size() const { return end <= begin ? FrameCount{} : end - begin; }
};

// The frames that lie wholly in the range.
[[nodiscard]] constexpr FrameRange frames_inside(const MemoryRange &range) {
    return {frame_of(MachineAddress{align_up(range.begin.raw(), page_size)}), frame_of(range.end)};
}
// The frames that the bytes [begin, end) touch.
[[nodiscard]] constexpr FrameRange frames_around(MachineAddress begin, MachineAddress end) {
    return {frame_of(begin), frame_of(MachineAddress{align_up(end.raw(), page_size)})};
}

}  // namespace ringfold
