// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/extended_state.hpp"

#include "hypervisor/cpu/instructions.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/machine_memory.hpp"

#include <bit>

namespace ringfold {

namespace {

// The size for what XCR0 enables now (Intel SDM vol. 1, 13.2: CPUID.0DH.0:EBX).
uint64_t area_size() { return cpuid(0xd, 0).ebx; }

Order area_order() { return Order{static_cast<unsigned>(std::bit_width(FrameCount::holding(area_size()).raw() - 1))}; }

}  // namespace

Result<void *> create_extended_state() {
    const MachineFrame frame = TRY(allocate_frames(area_order()));
    auto *area = pointer_to<std::byte>(frame);
    // An all-zero header means: everything in its initial configuration (SDM vol. 1, 13.6). XRSTOR takes MXCSR from the
    // legacy region even so.
    __builtin_memset(area, 0, area_order().frames().bytes());
    constexpr uint64_t mxcsr_offset = 24;
    constexpr uint32_t mxcsr_reset = 0x1f80;
    __builtin_memcpy(area + mxcsr_offset, &mxcsr_reset, sizeof mxcsr_reset);
    return static_cast<void *>(area);
}

void destroy_extended_state(void *area) { free_frames(frame_behind(area), area_order()); }

void save_extended_state(void *area) { save_extended_registers(area); }

void load_extended_state(const void *area) { load_extended_registers(area); }

}  // namespace ringfold
