// SPDX-License-Identifier: Apache-2.0
//
// The borrower's side: its rights to map frames of others, by handle. For each there is a use of the granter's entry,
// and a right in the borrower's memory (mm/borrowed_frames.hpp).
#pragma once

#include "hypervisor/grant/grant_use.hpp"
#include "hypervisor/lib/digital_search_tree.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/heap.hpp"

#include <cstdint>
#include <optional>

namespace ringfold {

struct Borrowing : TreeNode<Borrowing> {
    explicit Borrowing(GrantUse of) : use(std::move(of)) {}
    [[nodiscard]] uint64_t key() const { return handle; }

    GrantUse use;
    uint32_t handle = 0;
};

// One of a domain's rights on frames of a certain granter.
struct BorrowedFrom {
    MachineFrame frame;
    uint32_t handle;
};

class Borrowings {
  public:
    static constexpr uint32_t default_limit = 8192;

    // The borrowing becomes a right, and its handle. quota: the domain's limit; out_of_memory, limit_reached.
    // What is refused stays the caller's.
    [[nodiscard]] Result<uint32_t> add(DomainMemory &borrower, Owned<Borrowing> &borrowing);
    // Ends a right; what it used is the caller's to destroy, without the lock. not_found; busy: mappings need it.
    [[nodiscard]] Result<Owned<Borrowing>> remove(DomainMemory &borrower, uint32_t handle);
    // Any handle; nothing if there is none.
    [[nodiscard]] std::optional<uint32_t> any() const;
    [[nodiscard]] std::optional<BorrowedFrom> find_from(const GrantDomain &granter) const;

    void set_limit(uint32_t handles) { limit_ = handles; }  // below what there are: no more until some went
    [[nodiscard]] uint32_t limit() const { return limit_; }
    [[nodiscard]] uint32_t count() const { return count_; }

    // Calls visit(const GrantUse &) for each: what the audit counts.
    template <typename Visitor>
    void for_each_use(Visitor &&visit) const {
        tree_.for_each([&visit](const Borrowing &borrowing) { visit(borrowing.use); });
    }

  private:
    uint32_t unused_handle();

    DigitalSearchTree<Borrowing> tree_;
    uint32_t count_ = 0;
    uint32_t limit_ = default_limit;
    uint32_t last_handle_ = 0;
};

using LockedBorrowings = Locked<Borrowings, LockRank::borrowings>;

}  // namespace ringfold
