// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/access.hpp"

namespace ringfold {

namespace {

bool is_self(const Domain &caller, uint32_t domain) {
    return domain == RINGFOLD_DOMAIN_SELF || domain == caller.id.raw();
}

}  // namespace

Result<DomainReference> find_peer(Domain &caller, uint32_t domain) {
    if (is_self(caller, domain)) {
        return DomainReference::to(caller);
    }
    if (domain > RINGFOLD_DOMAIN_LAST) {
        return Error::not_found;
    }
    return find_domain(DomainId{static_cast<uint16_t>(domain)});
}

Result<DomainReference> find_target(Domain &caller, uint32_t domain, Right right) {
    if (is_self(caller, domain)) {
        return DomainReference::to(caller);
    }
    return find_other(caller, domain, right);
}

Result<DomainReference> find_other(Domain &caller, uint32_t domain, Right right) {
    if (!caller.rights.has(right)) {
        return Error::not_permitted;
    }
    if (is_self(caller, domain)) {
        return Error::invalid_argument;
    }
    DomainReference other = TRY(find_peer(caller, domain));
    if (!may_act_on(caller.rights, right, other->rights)) {
        return Error::not_permitted;
    }
    return other;
}

}  // namespace ringfold
