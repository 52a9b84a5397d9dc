// SPDX-License-Identifier: Apache-2.0
//
// Which domains there are.
#pragma once

#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/locked.hpp"

#include <array>

namespace ringfold::domain_list {

inline constexpr std::size_t capacity = 64;
using Domains = std::array<Domain *, capacity>;

[[nodiscard]] Locked<Domains, LockRank::domain_list> &all();

// limit_reached: there are `capacity` already.
[[nodiscard]] Result<void> add(Domain &domain);
void remove(Domain &domain);

template <typename Visitor>
void for_each(Visitor &&visit) {
    auto domains = all().lock();
    for (Domain *const domain : *domains) {
        if (domain != nullptr) {
            visit(*domain);
        }
    }
}

}  // namespace ringfold::domain_list
