// SPDX-License-Identifier: Apache-2.0
//
// Where application processors start: a free frame that a startup IPI can name.
#pragma once

#include "hypervisor/boot/boot_information.hpp"
#include "hypervisor/lib/units.hpp"

#include <optional>

namespace ringfold {

// The highest whole frame of available memory below 640 KiB that no boot module touches. Not frame 0, where firmware
// keeps its interrupt vectors and data.
[[nodiscard]] constexpr std::optional<MachineFrame> find_trampoline_frame(const BootInformation &information) {
    constexpr uint64_t end_of_low_memory = 0xa0;
    for (uint64_t number = end_of_low_memory - 1; number >= 1; --number) {
        const MachineAddress begin = address_of(MachineFrame{number});
        const MachineAddress end = begin + page_size;
        bool available = false;
        bool taken = false;
        for (const MemoryRange &range : information.memory) {
            if (range.type == MemoryType::available) {
                available = available || (range.begin <= begin && end <= range.end);
            } else {
                taken = taken || (range.begin < end && begin < range.end);
            }
        }
        for (const BootModule &module : information.modules) {
            taken = taken || (module.begin < end && begin < module.end);
        }
        if (available && !taken) {
            return MachineFrame{number};
        }
    }
    return std::nullopt;
}

}  // namespace ringfold
