// SPDX-License-Identifier: Apache-2.0
//
// The one place where it is decided whether a domain may act on another.
#pragma once

#include "hypervisor/domain/domain_list.hpp"

namespace ringfold {

// May `caller` use `right` on a domain that holds `target`?
[[nodiscard]] constexpr bool may_act_on(Rights caller, Right right, Rights target) {
    return caller.has(right) && caller.includes(target);
}

// The domain that a hypercall names: RINGFOLD_DOMAIN_SELF, or the caller's own number, is always allowed.
// not_permitted: the caller lacks the right (said before anything else, so that nothing is learnt), or the other holds
// one that the caller does not; not_found: no such domain.
[[nodiscard]] Result<DomainReference> find_target(Domain &caller, uint32_t domain, Right right);
// The same for what a domain cannot do to itself. invalid_argument: it is the caller.
[[nodiscard]] Result<DomainReference> find_other(Domain &caller, uint32_t domain, Right right);

// The other end of something that both have to agree to, for which no right is needed. not_found: no such domain.
[[nodiscard]] Result<DomainReference> find_peer(Domain &caller, uint32_t domain);

}  // namespace ringfold
