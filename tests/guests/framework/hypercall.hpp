// SPDX-License-Identifier: Apache-2.0
//
// The raw hypercall (hypercall.h of the ABI) and a name for each one.
#pragma once

#include <ringfold/hypercall.h>
#include <ringfold/hypercall_numbers.h>
#include <ringfold/hypercall_wrappers.h>

#include <cstdint>

namespace guest {

// What a hypercall answers.
struct Result {
    int64_t status;
    uint64_t value;
    [[nodiscard]] bool ok() const { return status == 0; }
};

extern "C" const char hypercall_return[];  // the address behind the SYSCALL, registered with the hypervisor

inline Result hypercall(uint64_t number, uint64_t argument0 = 0, uint64_t argument1 = 0, uint64_t argument2 = 0) {
    const ringfold_hypercall_result result = ringfold_hypercall(number, argument0, argument1, argument2, 0, 0, 0);
    return {result.status, result.value};
}

// The same, issued again while it is preempted: for calls that are all or nothing (no progress to go on from).
inline Result hypercall_to_its_end(uint64_t number, uint64_t argument0 = 0, uint64_t argument1 = 0,
                                   uint64_t argument2 = 0) {
    for (;;) {
        const Result result = hypercall(number, argument0, argument1, argument2);
        if (result.status != -RINGFOLD_EAGAIN) {
            return result;
        }
    }
}

inline Result version(uint64_t query) { return hypercall(RINGFOLD_HYPERCALL_VERSION, query); }

// Drops this vCPU's translation of a page; a refusal ends the test.
void invalidate_page(uint64_t linear);

}  // namespace guest
