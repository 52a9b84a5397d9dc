// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/grant/grant_use.hpp"

#include "hypervisor/grant/grant_domain.hpp"

namespace ringfold {

Result<GrantUse> GrantUse::begin(GrantReference granter, GrantRef reference, DomainId user, GrantAccess access) {
    const MachineFrame frame = TRY(granter->table.lock()->claim(reference, user, access));
    Result<TypeReference> hold = ringfold::hold(granter->memory, frame, access);
    if (!hold.ok()) {
        granter->table.lock()->unclaim(reference, access);
        return hold.error();
    }
    return GrantUse{std::move(granter), reference, access, hold.take()};
}

void GrantUse::end() {
    if (!granter_) {
        return;
    }
    hold_ = TypeReference{};  // before the granter is told
    granter_->table.lock()->unclaim(reference_, access_);
}

}  // namespace ringfold
