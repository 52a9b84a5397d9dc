// SPDX-License-Identifier: Apache-2.0
//
// The raw hypercall (hypercall.h of the ABI) and a name for each one.
#pragma once

#include <ringfold/hypercall.h>
#include <ringfold/hypercall_numbers.h>

#include <cstdint>

namespace guest {

// What a hypercall answers.
struct Result {
    int64_t status;
    uint64_t value;
    [[nodiscard]] bool ok() const { return status == 0; }
};

extern "C" const char hypercall_entry[];   // call this: SYSCALL, RET
extern "C" const char hypercall_return[];  // the address behind the SYSCALL, registered with the hypervisor

inline Result hypercall(uint64_t number, uint64_t argument0 = 0, uint64_t argument1 = 0, uint64_t argument2 = 0) {
    uint64_t status = number;
    uint64_t value = argument2;
    asm volatile("call hypercall_entry"
                 : "+a"(status), "+d"(value)
                 : "D"(argument0), "S"(argument1)
                 : "rcx", "r11", "memory", "cc");
    return {static_cast<int64_t>(status), value};
}

inline Result version(uint32_t query) { return hypercall(RINGFOLD_HYPERCALL_VERSION, query); }

inline void invalidate_page(uint64_t linear) { hypercall(RINGFOLD_GATE_INVALIDATE_PAGE, linear); }
inline void flush_translations() { hypercall(RINGFOLD_GATE_FLUSH); }

}  // namespace guest
