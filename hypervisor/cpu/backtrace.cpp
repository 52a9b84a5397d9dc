// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/backtrace.hpp"

#include "hypervisor/boot/image_layout.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/lib/symbol_table.hpp"
#include "hypervisor/mm/virtual_map.hpp"

extern "C" {
// The table that the build makes.
extern const uint64_t symbol_count;
extern const uint64_t symbol_addresses[];
extern const uint32_t symbol_name_offsets[];
extern const char symbol_names[];
}

namespace ringfold {

namespace {

constexpr unsigned deepest = 32;

void log_address(uint64_t address) {
    const SymbolTable table{{symbol_addresses, symbol_count}, {symbol_name_offsets, symbol_count}, symbol_names};
    if (const auto symbol = table.find(address)) {
        log_error("  {:#018x} {} + {:#x}", address, symbol->name, symbol->offset);
    } else {
        log_error("  {:#018x}", address);
    }
}

}  // namespace

bool on_hypervisor_stack(uint64_t address) {
    constexpr uint64_t pair = 2 * sizeof(uint64_t);
    const auto holds = [address](const virtual_map::Region &stack) {
        return stack.contains(address) && stack.contains(address + pair - 1);
    };
    if (holds(boot_stack())) {
        return true;
    }
    if (!per_cpu_ready()) {
        return false;  // this_cpu is not mapped yet
    }
    for (const virtual_map::Region &stack : virtual_map::stacks) {
        if (holds(stack)) {
            return true;
        }
    }
    return false;
}

void log_backtrace(uint64_t instruction_pointer, uint64_t frame_pointer) {
    log_address(instruction_pointer);
    for (unsigned depth = 0; depth < deepest && frame_pointer % 8 == 0 && on_hypervisor_stack(frame_pointer); ++depth) {
        const auto *frame = reinterpret_cast<const uint64_t *>(frame_pointer);
        if (frame[1] == 0) {
            return;
        }
        log_address(frame[1]);
        if (frame[0] <= frame_pointer) {  // callers lie above; anything else could go round in circles
            return;
        }
        frame_pointer = frame[0];
    }
}

}  // namespace ringfold
