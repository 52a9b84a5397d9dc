// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/grant/live_entry.hpp"

namespace ringfold {

namespace {

// A granter that does nothing but change the entry must not keep its borrower's processor.
constexpr unsigned claim_attempts = 16;

}  // namespace

Result<void> GrantControl::permits(DomainId user, GrantAccess access) const {
    if (kind() != RINGFOLD_GRANT_PERMIT) {
        return Error::not_found;
    }
    if (domain() != user) {
        return Error::not_permitted;
    }
    const bool refused = access == GrantAccess::writable && has(RINGFOLD_GRANT_READ_ONLY);
    return refused ? Result<void>{Error::access_denied} : Result<void>{};
}

Result<void> GrantControl::accepts(DomainId giver) const {
    if (kind() != RINGFOLD_GRANT_ACCEPT || has(RINGFOLD_GRANT_TRANSFERRING | RINGFOLD_GRANT_TRANSFERRED)) {
        return Error::not_found;
    }
    return domain() == giver ? Result<void>{} : Result<void>{Error::not_permitted};
}

// Sets flags of a control word that passes `check`. Acquire: what the granter wrote before it is seen.
template <typename Check>
Result<void> LiveGrantEntry::set(uint32_t flags, Check &&check) {
    uint32_t old = control_.load(std::memory_order_acquire);
    for (unsigned attempt = 0; attempt < claim_attempts; ++attempt) {
        TRY(check(GrantControl{old}));
        // Success: the flags were set in the very word that was checked. Failure: the granter changed it; check again.
        if (control_.compare_exchange_strong(old, GrantControl{old}.with(flags).raw(), std::memory_order_acq_rel,
                                             std::memory_order_acquire)) {
            return {};
        }
    }
    return Error::busy;
}

Result<void> LiveGrantEntry::claim(DomainId user, GrantAccess access) {
    const uint32_t flags = RINGFOLD_GRANT_READING | (access == GrantAccess::writable ? RINGFOLD_GRANT_WRITING : 0);
    return set(flags, [&](GrantControl control) { return control.permits(user, access); });
}

Result<void> LiveGrantEntry::begin_transfer(DomainId giver) {
    return set(RINGFOLD_GRANT_TRANSFERRING, [giver](GrantControl control) { return control.accepts(giver); });
}

void LiveGrantEntry::end_transfer(MachineFrame frame) {
    frame_.store(frame.raw(), std::memory_order_relaxed);
    control_.fetch_or(RINGFOLD_GRANT_TRANSFERRED, std::memory_order_release);
}

}  // namespace ringfold
