// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/borrowed_frames.hpp"

#include "hypervisor/mm/domain_memory.hpp"
#include "hypervisor/mm/entry.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/heap.hpp"
#include "hypervisor/mm/pending_flush.hpp"
#include "hypervisor/mm/translation_model.hpp"

namespace ringfold {

namespace {

constexpr uint32_t count_limit = UINT32_MAX;

[[nodiscard]] uint32_t &rights_of(BorrowedFrame &borrowed, GrantAccess access) {
    return access == GrantAccess::writable ? borrowed.writable_rights : borrowed.read_only_rights;
}
[[nodiscard]] uint32_t &mappings_of(BorrowedFrame &borrowed, Entry entry) {
    return entry.writable() ? borrowed.writable_mappings : borrowed.read_only_mappings;
}

Result<BorrowedFrame *> find_or_add(LockedMemory &borrower, MachineFrame frame, DomainId owner) {
    if (BorrowedFrame *const known = borrower.borrowed().find(frame.raw())) {
        invariant(known->owner == owner, "a borrowed frame keeps its owner");
        return known;
    }
    BorrowedFrame *const added = TRY(create<BorrowedFrame>(frame, owner));
    invariant(borrower.borrowed().insert(*added), "a frame that was not found is not there");
    return added;
}

// The processors of the borrower drop what they may still have of the frame.
void flush_borrower(const LockedMemory &borrower, MachineFrame frame) {
    // Read before the stamp: a removal by another borrower that comes later is not this one's to flush.
    const uint64_t removed = translation_model::borrowed_leaf_last_removed(frame);
    PendingFlush flush;
    flush.add(frame_table::at(frame).leaf_stamp.get(), borrower.cpus());
    flush.perform();
    translation_model::check_right_ends(borrower.id(), removed);
}

[[nodiscard]] bool is_needed(const BorrowedFrame &borrowed, GrantAccess access) {
    const bool last_writable = access == GrantAccess::writable && borrowed.writable_rights == 1;
    return (last_writable && borrowed.writable_mappings != 0) || (borrowed.rights() == 1 && borrowed.mappings() != 0);
}

}  // namespace

Result<void> add_right(DomainMemory &borrower, MachineFrame frame, DomainId owner, GrantAccess access) {
    LockedMemory locked{borrower};
    BorrowedFrame &borrowed = *TRY(find_or_add(locked, frame, owner));
    uint32_t &rights = rights_of(borrowed, access);
    if (rights == count_limit) {
        return Error::limit_reached;
    }
    ++rights;
    return {};
}

Result<void> remove_right(DomainMemory &borrower, MachineFrame frame, GrantAccess access) {
    LockedMemory locked{borrower};
    BorrowedFrame *const borrowed = locked.borrowed().find(frame.raw());
    invariant(borrowed != nullptr && rights_of(*borrowed, access) != 0, "a right that is given up is there");
    if (is_needed(*borrowed, access)) {
        return Error::busy;
    }
    --rights_of(*borrowed, access);
    const bool was_last_writable = access == GrantAccess::writable && borrowed->writable_rights == 0;
    if (was_last_writable || borrowed->rights() == 0) {
        flush_borrower(locked, frame);
    }
    if (borrowed->rights() == 0) {
        locked.borrowed().remove(*borrowed);
        destroy(borrowed);
    }
    return {};
}

Result<void> take_borrowed_leaf(LockedMemory &borrower, Entry entry) {
    BorrowedFrame *const borrowed = borrower.borrowed().find(entry.frame().raw());
    if (borrowed == nullptr || (entry.writable() && borrowed->writable_rights == 0)) {
        return Error::access_denied;
    }
    uint32_t &mappings = mappings_of(*borrowed, entry);
    if (mappings == count_limit) {
        return Error::limit_reached;
    }
    FrameInfo &info = frame_table::at(entry.frame());
    TRY(entry.writable() ? info.take_writable(borrowed->owner) : info.take(borrowed->owner));
    ++mappings;
    return {};
}

void drop_borrowed_leaf(LockedMemory &borrower, Entry entry) {
    BorrowedFrame *const borrowed = borrower.borrowed().find(entry.frame().raw());
    invariant(borrowed != nullptr && mappings_of(*borrowed, entry) != 0,
              "a mapping of another domain's frame has a right");
    FrameInfo &info = frame_table::at(entry.frame());
    translation_model::borrowed_leaf_removed(entry.frame());
    info.leaf_stamp.advance(flush_clock::now());
    --mappings_of(*borrowed, entry);
    if (entry.writable()) {
        info.drop_writable();
    } else {
        info.drop();
    }
}

}  // namespace ringfold
