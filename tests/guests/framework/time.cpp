// SPDX-License-Identifier: Apache-2.0
#include "framework/time.hpp"

#include "framework/hypercall.hpp"
#include "framework/instructions.hpp"
#include "framework/vcpu.hpp"

namespace guest {
namespace {

// The scaling that vcpu.h gives for struct ringfold_time.
uint64_t scale(uint64_t ticks, int8_t shift, uint32_t multiplier) {
    const uint64_t shifted = shift >= 0 ? ticks << shift : ticks >> -shift;
    return static_cast<uint64_t>(static_cast<unsigned __int128>(shifted) * multiplier >> 32);
}

}  // namespace

uint64_t system_time() {
    const volatile ringfold_time &time = vcpu_page().time;
    for (;;) {
        const uint32_t version = time.version;
        const uint64_t now =
            time.system_time + scale(read_tsc() - time.tsc_timestamp, time.tsc_shift, time.tsc_multiplier);
        if (version % 2 == 0 && version == time.version) {
            return now;
        }
    }
}

void arm_timer(uint64_t nanoseconds) { hypercall(RINGFOLD_HYPERCALL_TIMER_SET, system_time() + nanoseconds); }

void enable_upcalls() {
    // A sender interrupts a running vCPU whatever the flag says, so the store and the test need no fence between them.
    volatile ringfold_vcpu_page &page = vcpu_page();
    for (;;) {
        page.interrupt_flag = 1;
        if (page.upcall_pending == 0) {
            return;
        }
        page.interrupt_flag = 0;
        if (page.upcall_pending != 0) {
            clear_upcall_pending();
            this_vcpu().upcalls.fetch_add(1, std::memory_order_relaxed);
        }
    }
}

void clear_upcall_pending() {
    // Locked: no later load of event words may come before it (ringfold/event.h).
    __atomic_exchange_n(&vcpu_page().upcall_pending, uint8_t{0}, __ATOMIC_SEQ_CST);
}

void disable_upcalls() { vcpu_page().interrupt_flag = 0; }

}  // namespace guest
