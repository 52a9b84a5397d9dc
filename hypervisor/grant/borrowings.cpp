// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/grant/borrowings.hpp"

#include "hypervisor/grant/grant_domain.hpp"
#include "hypervisor/mm/borrowed_frames.hpp"
#include "hypervisor/mm/machine_seam.hpp"

namespace ringfold {

// Each number once before any comes again, but for those still in use. 0 is never a handle.
uint32_t Borrowings::unused_handle() {
    do {
        ++last_handle_;
    } while (last_handle_ == 0 || tree_.find(last_handle_) != nullptr);
    return last_handle_;
}

Result<uint32_t> Borrowings::add(DomainMemory &borrower, Owned<Borrowing> &borrowing) {
    if (count_ >= limit_) {
        return Error::quota;
    }
    const GrantUse &use = borrowing->use;
    TRY(add_right(borrower, use.frame(), use.granter()->memory.id(), use.access()));
    borrowing->handle = unused_handle();
    invariant(tree_.insert(*borrowing), "an unused handle is not there");
    ++count_;
    return borrowing.release()->handle;
}

Result<Owned<Borrowing>> Borrowings::remove(DomainMemory &borrower, uint32_t handle) {
    Borrowing *const borrowing = tree_.find(handle);
    if (borrowing == nullptr) {
        return Error::not_found;
    }
    TRY(remove_right(borrower, borrowing->use.frame(), borrowing->use.access()));
    tree_.remove(*borrowing);
    --count_;
    return Owned<Borrowing>{borrowing};
}

std::optional<uint32_t> Borrowings::any() const {
    const Borrowing *const borrowing = tree_.any();
    return borrowing != nullptr ? std::optional{borrowing->handle} : std::nullopt;
}

std::optional<BorrowedFrom> Borrowings::find_from(const GrantDomain &granter) const {
    const Borrowing *const found =
        tree_.find_if([&granter](const Borrowing &borrowing) { return &*borrowing.use.granter() == &granter; });
    if (found == nullptr) {
        return std::nullopt;
    }
    return BorrowedFrom{.frame = found->use.frame(), .handle = found->handle};
}

}  // namespace ringfold
