// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/domain_list.hpp"

#include <algorithm>

namespace ringfold::domain_list {

namespace {

constinit Locked<Domains, LockRank::domain_list> domains;

}  // namespace

Locked<Domains, LockRank::domain_list> &all() { return domains; }

Result<void> add(Domain &domain) {
    auto list = domains.lock();
    const auto place = std::find(list->begin(), list->end(), nullptr);
    if (place == list->end()) {
        return Error::limit_reached;
    }
    *place = &domain;
    return {};
}

void remove(Domain &domain) {
    auto list = domains.lock();
    std::replace(list->begin(), list->end(), &domain, static_cast<Domain *>(nullptr));
}

}  // namespace ringfold::domain_list
