// SPDX-License-Identifier: Apache-2.0
//
// Which page-table entries this processor's errata forbid, decided from CPUID and one MSR.
#pragma once

#include "hypervisor/mm/entry_rules.hpp"

#include <algorithm>
#include <cstdint>

namespace ringfold {

struct PagingErrata {
    bool is_intel;
    unsigned physical_address_bits;
    // IA32_ARCH_CAPABILITIES (Intel SDM vol. 4, 10AH), 0 where it does not exist.
    uint64_t capabilities;
};

[[nodiscard]] constexpr PagingLimits choose_paging_limits(const PagingErrata &errata) {
    constexpr uint64_t no_l1_terminal_fault = uint64_t{1} << 0;        // RDCL_NO
    constexpr uint64_t no_page_size_machine_check = uint64_t{1} << 6;  // PSCHANGE_MC_NO
    // Processors with L1TF compare at least 44 bits in the L1 data cache, whatever CPUID says of the address width
    // (Intel, "Deep Dive: Intel Analysis of L1 Terminal Fault").
    constexpr unsigned compared_bits = 44;
    const bool terminal_fault = errata.is_intel && (errata.capabilities & no_l1_terminal_fault) == 0;
    return {.cache_address_bits = static_cast<uint8_t>(
                terminal_fault ? std::min(errata.physical_address_bits, compared_bits) : errata.physical_address_bits),
            .big_pages_executable = !errata.is_intel || (errata.capabilities & no_page_size_machine_check) != 0};
}

// Reads what this processor is and tells the entry rules. On the boot processor, before there are page tables of
// guests.
void initialise_paging_limits();

}  // namespace ringfold
