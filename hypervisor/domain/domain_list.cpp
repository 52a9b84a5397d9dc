// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/domain_list.hpp"

namespace ringfold {

namespace {

constinit Locked<domain_list::Domains, LockRank::domain_list> domains;
constinit uint16_t next_number = 1;  // under the lock

std::size_t place_of(DomainId id) { return id.raw() % domain_list::capacity; }

bool is_number(DomainId id) { return id.raw() >= 1 && id.raw() <= RINGFOLD_DOMAIN_LAST; }

// Not from zero: then it is being freed.
bool refer(Domain &domain) {
    uint32_t old = domain.references.load(std::memory_order_relaxed);
    // Success: one more. Failure: somebody came or went; retry unless it was the last.
    while (old != 0 && !domain.references.compare_exchange_weak(old, old + 1, std::memory_order_relaxed)) {
    }
    return old != 0;
}

// Release: what this holder did is seen by who frees. Acquire: who frees sees what all holders did.
void unrefer(Domain &domain) {
    if (domain.references.fetch_sub(1, std::memory_order_acq_rel) != 1) {
        return;
    }
    {
        auto list = domains.lock();
        Domain *&place = (*list)[place_of(domain.id)];
        if (place == &domain) {
            place = nullptr;
        }
    }
    free_domain(domain);
}

}  // namespace

DomainReference DomainReference::to(Domain &domain) { return DomainReference{refer(domain) ? &domain : nullptr}; }

void DomainReference::reset() {
    if (domain_ != nullptr) {
        unrefer(*std::exchange(domain_, nullptr));
    }
}

Result<DomainReference> find_domain(DomainId id) {
    if (!is_number(id)) {
        return Error::not_found;
    }
    auto list = domains.lock();
    Domain *const domain = (*list)[place_of(id)];
    if (domain == nullptr || domain->id != id || !refer(*domain)) {
        return Error::not_found;
    }
    return DomainReference{domain};
}

namespace domain_list {

Locked<Domains, LockRank::domain_list> &all() { return domains; }

Result<DomainId> free_id() {
    auto list = domains.lock();
    for (std::size_t tried = 0; tried < capacity; ++tried) {
        const DomainId id{next_number};
        next_number = next_number == RINGFOLD_DOMAIN_LAST ? uint16_t{1} : static_cast<uint16_t>(next_number + 1);
        if ((*list)[place_of(id)] == nullptr) {
            return id;
        }
    }
    return Error::limit_reached;
}

Result<void> add(Domain &domain) {
    auto list = domains.lock();
    Domain *&place = (*list)[place_of(domain.id)];
    if (place != nullptr) {
        return Error::already_exists;
    }
    place = &domain;
    if (domain.id.raw() >= next_number) {
        next_number =
            domain.id.raw() == RINGFOLD_DOMAIN_LAST ? uint16_t{1} : static_cast<uint16_t>(domain.id.raw() + 1);
    }
    return {};
}

Result<DomainId> next(DomainId first) {
    auto list = domains.lock();
    DomainId best = no_domain;
    for (const Domain *const domain : *list) {
        if (domain != nullptr && domain->id >= first && domain->id < best) {
            best = domain->id;
        }
    }
    return best == no_domain ? Result<DomainId>{Error::not_found} : Result<DomainId>{best};
}

DomainReference from_place(std::size_t &place) {
    auto list = domains.lock();
    while (place < capacity) {
        Domain *const domain = (*list)[place++];
        if (domain != nullptr && refer(*domain)) {
            return DomainReference::adopt(domain);
        }
    }
    place = 0;
    return {};
}

void remove(Domain &domain) { unrefer(domain); }

}  // namespace domain_list
}  // namespace ringfold
