// SPDX-License-Identifier: Apache-2.0
//
// The return window (abi vcpu.h): a guest kernel's last instructions before ring 3, from the one that sets the virtual
// interrupt flag to the IRETQ and the INT of the slow return right behind it. What is delivered there comes as if from
// the frame in the return area, which one of the two was about to take.
#pragma once

#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/gate/entry_frame.hpp"

namespace ringfold {

inline constexpr uint64_t iretq_length = 2;

[[nodiscard]] inline bool in_return_window(const Vcpu &vcpu, const EntryFrame &frame) {
    return !frame.from_user() && vcpu.entries.window_iretq != 0 && frame.rip >= vcpu.entries.window_start &&
           frame.rip <= vcpu.entries.window_iretq + iretq_length;
}

// Each of the five words is read once; whatever they are, they are only ever pushed on the guest's own stack.
inline void leave_return_window(const Vcpu &vcpu, EntryFrame &frame) {
    const volatile ringfold_return_frame &area = vcpu.page->return_frame;
    frame.rip = area.rip;
    frame.cs = area.cs;
    frame.rflags = area.rflags;
    frame.rsp = area.rsp;
    frame.ss = area.ss;
}

}  // namespace ringfold
