// SPDX-License-Identifier: Apache-2.0
//
// What a domain has of grants: its table, which it lends by, and what it borrowed. A part of Domain.
//
// The end of a domain, when none of its vCPUs runs any more:
//   1. close_table()        nothing more is lent, and its pages are let go of
//   2. tear_down(memory)    its page tables go, and with them its mappings of frames of others
//   3. end_borrowings()     its rights go: every granter has its frames back
// What others still hold of it stays theirs until they let go. Until then tear_down() says busy, the frames go one by
// one (mm/teardown.hpp), and the references keep the rest of the domain: a husk.
#pragma once

#include "hypervisor/grant/borrowings.hpp"
#include "hypervisor/grant/grant_reference.hpp"
#include "hypervisor/grant/grant_table.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/domain_memory.hpp"

#include <ringfold/grant.h>

namespace ringfold {

class GrantDomain {
  public:
    GrantDomain(DomainMemory &domain_memory, const GrantKeeper &keeper) : memory(domain_memory), keeper_(keeper) {}
    GrantDomain(const GrantDomain &) = delete;
    GrantDomain &operator=(const GrantDomain &) = delete;

    [[nodiscard]] DomainId id() const { return memory.id(); }
    [[nodiscard]] ringfold_grant_info info();

    void close_table();
    // again: preempted. Every mapping of the domain is gone before.
    [[nodiscard]] Result<void> end_borrowings();

    DomainMemory &memory;
    LockedGrantTable table;
    LockedBorrowings borrowings;

  private:
    friend class GrantReference;
    const GrantKeeper keeper_;
};

// Finds a domain by its number; empty: there is none.
using FindGrantDomain = GrantReference (*)(DomainId id);

}  // namespace ringfold
