// SPDX-License-Identifier: Apache-2.0
//
// Frames of other domains that a domain may map: its *rights*, each of which lets it have any number of mappings,
// either read-only or of both kinds. There is one BorrowedFrame for each frame on which the domain has a right; it
// counts the rights and the mappings.
//
// Whoever adds a right holds the frame for as long as the right exists (held_frames.hpp): readable for a read-only
// right, writable for a writable one. So under a right the frame keeps its owner, and under a writable right it can be
// no page table. An entry of the borrower's page tables that names the frame holds on it what an entry of the owner's
// would (entry_target.hpp), and counts here.
//
// A right goes only when no mapping needs it, and only after the borrower's processors dropped what they may have
// cached of mappings that went: to the owner, and to whoever has the frame next, a right that is gone never was. That
// is why nobody else needs to know the processors of borrowers.
#pragma once

#include "hypervisor/lib/digital_search_tree.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <cstdint>

namespace ringfold {

enum class GrantAccess : uint8_t { read_only, writable };

struct BorrowedFrame : TreeNode<BorrowedFrame> {
    BorrowedFrame(MachineFrame machine, DomainId domain) : frame(machine), owner(domain) {}
    [[nodiscard]] uint64_t key() const { return frame.raw(); }
    [[nodiscard]] uint64_t rights() const { return uint64_t{read_only_rights} + writable_rights; }
    [[nodiscard]] uint64_t mappings() const { return uint64_t{read_only_mappings} + writable_mappings; }

    const MachineFrame frame;
    const DomainId owner;
    uint32_t read_only_rights = 0;
    uint32_t writable_rights = 0;
    uint32_t read_only_mappings = 0;  // present leaves in the borrower's page tables
    uint32_t writable_mappings = 0;
};
using BorrowedFrames = DigitalSearchTree<BorrowedFrame>;

class DomainMemory;
class LockedMemory;
class Entry;

// One more right on `owner`'s frame, which the caller holds. out_of_memory; limit_reached: the count is full.
Result<void> add_right(DomainMemory &borrower, MachineFrame frame, DomainId owner, GrantAccess access);
// One right less. busy: there are mappings that need it; nothing changed.
Result<void> remove_right(DomainMemory &borrower, MachineFrame frame, GrantAccess access);

// What a leaf that names another domain's RAM holds. access_denied: there is no such right; limit_reached.
Result<void> take_borrowed_leaf(LockedMemory &borrower, Entry entry);
void drop_borrowed_leaf(LockedMemory &borrower, Entry entry);

}  // namespace ringfold
