// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/idle.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/rendezvous.hpp"
#include "hypervisor/platform/time.hpp"

namespace ringfold {

void wait_for_interrupt() {
    GuestCpu &guest = this_cpu().guest;
    guest.idle.store(true, std::memory_order_seq_cst);
    // A stop that was asked for since this CPU last looked came with a reschedule, which may have been served by now.
    if (!guest.reschedule.load(std::memory_order_seq_cst) && !is_stop_asked()) {
        guest.idle_clock.begin(nanoseconds_since_boot());
        // STI takes effect after the next instruction: an interrupt cannot slip in between and be slept through.
        asm volatile("sti\n\thlt\n\tcli" : : : "memory");
        guest.idle_clock.end(nanoseconds_since_boot());
    }
    guest.idle.store(false, std::memory_order_relaxed);
    stop_if_asked();
}

void take_interrupts() {
    // One instruction after STI is run before an interrupt is taken, hence the NOP.
    asm volatile("sti\n\tnop\n\tcli" : : : "memory");
    stop_if_asked();
}

}  // namespace ringfold
