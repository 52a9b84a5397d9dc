// SPDX-License-Identifier: Apache-2.0
//
// The entry points that the framework registers, and catching what arrives there.
#pragma once

#include "framework/entry_frame.hpp"
#include "framework/hypercall.hpp"

#include <ringfold/vcpu.h>

namespace guest {

// An entry as the test sees it: whether there was one, its frame, and CR2 and DR6 of the vCPU page at that moment.
struct Entry {
    bool happened = false;
    Frame frame{};
    uint64_t cr2 = 0;
    uint64_t dr6 = 0;
    uint64_t frame_address = 0;  // where on which stack it was
};

ringfold_vcpu_entries default_entries();
Result register_entries(const ringfold_vcpu_entries &entries);

// Runs function(argument) in ring 1 until it returns or anything but an upcall enters the kernel; the function is then
// abandoned where it was. Flags and the virtual interrupt flag are as before the call.
Entry catch_entry(void (*function)(void *), void *argument);

template <typename Function>
Entry catch_entry(Function function) {
    return catch_entry([](void *argument) { (*static_cast<Function *>(argument))(); }, &function);
}

// Restores every register from the frame and goes there; to ring 3 by way of the return window.
extern "C" [[noreturn]] void return_to_frame(const Frame *frame);

// The instructions of the framework's return window.
extern "C" const char window_start[];
extern "C" const char window_compare[];
extern "C" const char window_branch[];
extern "C" const char window_iretq[];
extern "C" const char window_slow[];

}  // namespace guest
