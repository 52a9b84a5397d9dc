// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/holder.hpp"

#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/mm/machine_seam.hpp"

namespace ringfold {

DomainId find_holder(Domain &domain) {
    std::size_t place = domain.holder_search.load(std::memory_order_relaxed);
    DomainId holder{0};
    do {
        const DomainReference other = domain_list::from_place(place);
        if (!other) {
            break;
        }
        if (other->grants.borrowings.lock()->find_from(domain.grants).has_value()) {
            holder = other->id;
            --place;  // it may hold more
        }
    } while (holder == DomainId{0} && !machine::preemption_due());
    domain.holder_search.store(place, std::memory_order_relaxed);
    return holder;
}

}  // namespace ringfold
