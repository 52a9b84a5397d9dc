// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/grant/grant_domain.hpp"

#include "hypervisor/mm/machine_seam.hpp"

namespace ringfold {

GrantReference::GrantReference(GrantDomain &domain) : domain_(&domain) { domain.keeper_.keep(domain.keeper_.context); }

GrantReference::~GrantReference() {
    if (domain_ != nullptr) {
        domain_->keeper_.let_go(domain_->keeper_.context);
    }
}

ringfold_grant_info GrantDomain::info() {
    ringfold_grant_info info{};
    {
        const auto guard = table.lock();
        info.table_pages = guard->pages();
        info.table_limit = guard->limit();
        info.entries_used = guard->entries_used();
    }
    const auto guard = borrowings.lock();
    info.handles = guard->count();
    info.handle_limit = guard->limit();
    return info;
}

void GrantDomain::close_table() {
    const auto guard = table.lock();
    guard->close();
    for (uint32_t index = 0; index < GrantTable::most_pages; ++index) {
        const TypeReference page = guard->take_page(index);
    }
}

Result<void> GrantDomain::end_borrowings() {
    while (const std::optional<uint32_t> handle = borrowings.lock()->any()) {
        const Result<Owned<Borrowing>> gone = borrowings.lock()->remove(memory, *handle);
        invariant(gone.ok(), "a domain without page tables maps nothing");
        if (machine::preemption_due()) {
            return Error::again;
        }
    }
    return {};
}

}  // namespace ringfold
