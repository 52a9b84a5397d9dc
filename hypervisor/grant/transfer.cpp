// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/grant/transfer.hpp"

#include "hypervisor/mm/assignment.hpp"
#include "hypervisor/mm/machine_to_physical.hpp"

namespace ringfold {

Result<void> transfer_grant(GrantDomain &caller, const ringfold_grant_transfer_element &element, FindGrantDomain find) {
    if (element.reserved != 0 || element.reserved2 != 0 || element.domain == caller.id().raw()) {
        return Error::invalid_argument;
    }
    const GrantReference receiver = find(DomainId{element.domain});
    if (!receiver) {
        return Error::not_found;
    }
    const GrantRef reference{element.reference};
    const MachineFrame frame{element.frame};
    const GuestFrame shown_as = TRY(receiver->table.lock()->begin_transfer(reference, caller.id()));
    if (const Result<void> moved = move_frame(caller.memory, receiver->memory, frame); !moved.ok()) {
        receiver->table.lock()->abandon_transfer(reference);
        return moved.error();
    }
    machine_to_physical::set(frame, shown_as);
    receiver->table.lock()->end_transfer(reference, frame);
    return {};
}

}  // namespace ringfold
