// SPDX-License-Identifier: Apache-2.0
//
// The order in which locks are taken: a CPU that holds one may only take one of a higher rank. Debug builds check every
// lock and every CPU; there is no way to opt out.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <cstdint>

namespace ringfold {

enum class LockRank : uint8_t {
    pauses = 10,       // whether one domain is paused; held while its vCPUs' contexts are read and written
    grant_table = 12,  // one domain's grant table: which entries are in use; holds its pages, so takes its page tables
    borrowings = 14,   // one domain's handles of what it borrowed; changes its rights under its page tables' lock
    page_tables = 20,  // one domain's page tables: validation and batches; held for long work, waits for flushes
    domain_memory = 30,    // one domain's frames and pseudo-physical map
    physical_irqs = 33,    // which port each device's interrupt line is bound to
    event_listeners = 34,  // which domains hear of what happens in the machine
    events = 35,           // one domain's ports and event words; never those of two domains at once
    pools = 35,            // which CPU and which domain is in which pool, and who owns a CPU
    run_queue = 40,        // one CPU's waiting vCPUs and armed timers; never two at once
    console = 50,          // one domain's console; held while a line of its output goes to the log
    trace = 55,            // the rings of the trace, while it runs
    interrupt_lines = 60,  // the redirection entries of the IO-APICs
    hypervisor_map = 70,   // the shared part of the hypervisor's own address space
    domain_list = 72,      // which domains there are; taken to find one, and when the last reference to one goes
    orphans = 73,          // domains that idle CPUs take apart
    heap = 75,             // small objects; takes frames from the allocator
    frame_allocator = 80,  // free machine frames; page tables and heap are fed from here
    log = 90,              // the log ring: anybody may log while holding anything else
    serial_output = 95,    // what waits for the serial port; taken by the log, and by the port's interrupt
};

// What one CPU holds, as a bit for each rank.
class HeldLocks {
  public:
    static constexpr unsigned rank_limit = 128;

    [[nodiscard]] constexpr bool may_take(LockRank rank) const {
        const unsigned bit = static_cast<uint8_t>(rank);
        return bit < 64 ? high_ == 0 && (low_ >> bit) == 0 : (high_ >> (bit - 64)) == 0;
    }
    constexpr void took(LockRank rank) { flip(rank); }
    constexpr void released(LockRank rank) { flip(rank); }
    [[nodiscard]] constexpr bool holds(LockRank rank) const {
        const unsigned bit = static_cast<uint8_t>(rank);
        return ((bit < 64 ? low_ >> bit : high_ >> (bit - 64)) & 1) != 0;
    }
    [[nodiscard]] constexpr bool none() const { return low_ == 0 && high_ == 0; }

  private:
    constexpr void flip(LockRank rank) {
        const unsigned bit = static_cast<uint8_t>(rank);
        (bit < 64 ? low_ : high_) ^= uint64_t{1} << (bit % 64);
    }

    uint64_t low_ = 0;
    uint64_t high_ = 0;
};

// This CPU's (cpu/per_cpu.cpp); in unit tests, this thread's.
[[nodiscard]] HeldLocks &held_locks();

// A lock of `rank` was about to be taken out of order. Panics.
[[noreturn]] void lock_order_broken(LockRank rank);

}  // namespace ringfold
