// SPDX-License-Identifier: Apache-2.0
//
// #DB. Guests get theirs with DR6 in the vCPU page. In ring 0 there is none of ours: debug addresses miss slot 256 and
// the gate never sets TF. What still arrives on gate text (a single step or a breakpoint that SYSCALL or MOV SS carried
// over the ring change) is absorbed, and its DR6 bits are kept for the vCPU's next delivery.
#pragma once

#include "hypervisor/gate/entry_frame.hpp"

#include <cstdint>

namespace ringfold {

struct Vcpu;

// DR6 (Intel SDM vol. 3B, 18.2.3): what a debug exception reports. The rest reads as fixed bits.
struct DebugStatus {
    static constexpr uint64_t reset = 0xffff'0ff0;
    static constexpr uint64_t reported = 0xe00f;  // B0-B3, BD, BS, BT
    static constexpr uint64_t single_step = uint64_t{1} << 14;

    // What a guest sees for `raw` with the bits that were absorbed before.
    [[nodiscard]] static constexpr uint64_t delivered(uint64_t raw, uint64_t absorbed) {
        return raw | (absorbed & reported);
    }
    // What stays for later of a #DB that hit gate text. Not BD: debug registers are only touched in ring 0.
    [[nodiscard]] static constexpr uint64_t absorbed(uint64_t raw) { return raw & (reported & ~(uint64_t{1} << 13)); }
};

// From ring 1 or 3: delivered at the end of the visit, or, if somebody debugs the domain, the domain stops.
void handle_guest_debug_exception(Vcpu &vcpu);

// In ring 0. Panics if it did not come from gate text.
void absorb_debug_exception(const EntryFrame &registers);

}  // namespace ringfold
