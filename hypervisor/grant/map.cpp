// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/grant/map.hpp"

namespace ringfold {

Result<void> map_grant(GrantDomain &caller, ringfold_grant_map_element &element, FindGrantDomain find) {
    element.frame = 0;
    element.handle = 0;
    if ((element.flags & ~RINGFOLD_GRANT_MAP_READ_ONLY) != 0 || element.domain == caller.id().raw()) {
        return Error::invalid_argument;
    }
    GrantReference granter = find(DomainId{element.domain});
    if (!granter) {
        return Error::not_found;
    }
    const GrantAccess access =
        element.flags == RINGFOLD_GRANT_MAP_READ_ONLY ? GrantAccess::read_only : GrantAccess::writable;
    GrantUse use = TRY(GrantUse::begin(std::move(granter), GrantRef{element.reference}, caller.id(), access));
    const MachineFrame frame = use.frame();
    Owned<Borrowing> borrowing = TRY(create_owned<Borrowing>(std::move(use)));
    element.handle = TRY(caller.borrowings.lock()->add(caller.memory, borrowing));
    element.frame = frame.raw();
    return {};
}

Result<void> unmap_grant(GrantDomain &caller, const ringfold_grant_unmap_element &element) {
    // What was used goes at the end, when the lock is free again.
    const Owned<Borrowing> gone = TRY(caller.borrowings.lock()->remove(caller.memory, element.handle));
    return {};
}

}  // namespace ringfold
