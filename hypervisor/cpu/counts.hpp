// SPDX-License-Identifier: Apache-2.0
//
// What is counted of a CPU and of a vCPU: struct ringfold_counters without its room for what may come, so that a vCPU
// fits into a slab. Written as count.hpp says.
#pragma once

#include <ringfold/debug.h>
#include <ringfold/hypercall_numbers.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringfold {

struct Counts {
    static constexpr std::size_t unknown_number = RINGFOLD_HYPERCALL_COUNT;

    std::array<uint64_t, RINGFOLD_HYPERCALL_COUNT + 1> hypercalls{};  // by number; the last one counts unknown numbers
    uint64_t interrupts = 0;
    uint64_t ipis_sent = 0;
    uint64_t ipis_received = 0;
    uint64_t nmis = 0;
    uint64_t machine_checks = 0;
    uint64_t debug_exceptions = 0;
    uint64_t upcalls = 0;
    uint64_t injected_exceptions = 0;
    uint64_t root_loads = 0;
    uint64_t root_copies = 0;
    uint64_t guest_flushes = 0;
    uint64_t safety_flushes = 0;
    uint64_t vcpu_switches = 0;
    uint64_t page_table_operations = 0;
    uint64_t entries = 0;
    uint64_t events_sent = 0;
    uint64_t grant_maps = 0;
    uint64_t grant_unmaps = 0;
    uint64_t grant_copies = 0;
    uint64_t grant_transfers = 0;
};

struct NamedCount {
    std::string_view name;
    uint64_t Counts::*count;
    uint64_t ringfold_counters::*shown;
};
inline constexpr std::array named_counts{
    NamedCount{"interrupts", &Counts::interrupts, &ringfold_counters::interrupts},
    NamedCount{"IPIs sent", &Counts::ipis_sent, &ringfold_counters::ipis_sent},
    NamedCount{"IPIs received", &Counts::ipis_received, &ringfold_counters::ipis_received},
    NamedCount{"NMIs", &Counts::nmis, &ringfold_counters::nmis},
    NamedCount{"machine checks", &Counts::machine_checks, &ringfold_counters::machine_checks},
    NamedCount{"debug exceptions", &Counts::debug_exceptions, &ringfold_counters::debug_exceptions},
    NamedCount{"upcalls", &Counts::upcalls, &ringfold_counters::upcalls},
    NamedCount{"injected exceptions", &Counts::injected_exceptions, &ringfold_counters::injected_exceptions},
    NamedCount{"root loads", &Counts::root_loads, &ringfold_counters::root_loads},
    NamedCount{"root copies", &Counts::root_copies, &ringfold_counters::root_copies},
    NamedCount{"flushes for guests", &Counts::guest_flushes, &ringfold_counters::guest_flushes},
    NamedCount{"flushes for safety", &Counts::safety_flushes, &ringfold_counters::safety_flushes},
    NamedCount{"vCPU switches", &Counts::vcpu_switches, &ringfold_counters::vcpu_switches},
    NamedCount{"page-table operations", &Counts::page_table_operations, &ringfold_counters::page_table_operations},
    NamedCount{"entries", &Counts::entries, &ringfold_counters::entries},
    NamedCount{"events sent", &Counts::events_sent, &ringfold_counters::events_sent},
    NamedCount{"grants mapped", &Counts::grant_maps, &ringfold_counters::grant_maps},
    NamedCount{"grants unmapped", &Counts::grant_unmaps, &ringfold_counters::grant_unmaps},
    NamedCount{"grants copied", &Counts::grant_copies, &ringfold_counters::grant_copies},
    NamedCount{"grants transferred", &Counts::grant_transfers, &ringfold_counters::grant_transfers},
};
static_assert(sizeof(Counts) == sizeof Counts::hypercalls + named_counts.size() * sizeof(uint64_t),
              "each count is shown");

// They may be being counted meanwhile, on any CPU.
void add_to(ringfold_counters &total, Counts &counts);

}  // namespace ringfold
