// SPDX-License-Identifier: Apache-2.0
//
// What an entry may look like, whatever it refers to (abi/include/ringfold/page_table.h, closing comment).
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/entry.hpp"

namespace ringfold {

// Properties of the processors that decide some rules; set once at boot, before the first domain.
struct PagingLimits {
    // Physical address bits that the L1 data cache compares: a non-present entry can make a CPU with L1TF read the
    // line that these bits name. Fewer is safer; the processor's physical address width is right where L1TF is absent.
    uint8_t cache_address_bits = 52;
    // False on CPUs with the iTLB multihit erratum (Intel, "Machine Check Error on Page Size Change"): big pages must
    // then be no-execute.
    bool big_pages_executable = true;
};
void set_paging_limits(const PagingLimits &limits);
[[nodiscard]] bool big_pages_executable();

enum class EntryKind : uint8_t { nothing, leaf, big_leaf, table };

// access_denied: the entry can never stand at `index` of a table of `level`.
[[nodiscard]] Result<EntryKind> check_entry(Level level, unsigned index, Entry entry);

}  // namespace ringfold
