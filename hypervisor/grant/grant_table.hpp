// SPDX-License-Identifier: Apache-2.0
//
// The granter's side: the pages of its grant table, and how often each entry is in use. The pages are the guest's to
// write at any moment; what the hypervisor relies on, it keeps in memory of its own.
#pragma once

#include "hypervisor/grant/live_entry.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/heap.hpp"
#include "hypervisor/mm/held_frames.hpp"

#include <array>
#include <cstdint>

namespace ringfold {

class GrantTable {
  public:
    static constexpr uint32_t most_pages = 256;  // what the control domain may have, for the devices of all guests
    static constexpr uint32_t default_limit = 32;

    // Registers a page of the table; an empty reference unregisters it. out_of_range: `index` is not below the limit;
    // busy: an entry of the page that is there is in use; not_permitted: the table is closed; out_of_memory. Gives back
    // what was there: to be let go of without the lock.
    [[nodiscard]] Result<TypeReference> set(uint32_t index, TypeReference frame);

    // Takes a use of an entry, and the frame that it names, as yet unchecked. out_of_range: no such entry;
    // limit_reached: too many uses; else as LiveGrantEntry::claim().
    [[nodiscard]] Result<MachineFrame> claim(GrantRef reference, DomainId user, GrantAccess access);
    void unclaim(GrantRef reference, GrantAccess access);

    // A transfer to an accepting entry: what it says of the frame. Then one of the other two.
    [[nodiscard]] Result<GuestFrame> begin_transfer(GrantRef reference, DomainId giver);
    void end_transfer(GrantRef reference, MachineFrame frame);
    void abandon_transfer(GrantRef reference);

    // The domain ends: no entry can be used from now on. Uses go on. Gives back the page at `index`.
    void close() { closed_ = true; }
    [[nodiscard]] TypeReference take_page(uint32_t index);

    // Pages from the new limit on stay registered until they are not needed.
    [[nodiscard]] Result<void> set_limit(uint32_t pages);
    [[nodiscard]] uint32_t limit() const { return limit_; }
    [[nodiscard]] uint32_t pages() const { return page_count_; }
    [[nodiscard]] uint32_t entries_used() const { return entries_used_; }

    // Calls visit(MachineFrame) for each registered page: what the audit counts.
    template <typename Visitor>
    void for_each_frame(Visitor &&visit) const {
        for (const Owned<Page> &page : pages_) {
            if (page) {
                visit(page->frame.frame());
            }
        }
    }

  private:
    struct Uses {
        uint32_t readers = 0;  // of them all
        uint32_t writers = 0;  // of those that may write
    };
    struct Page {
        TypeReference frame;
        uint32_t entries_used = 0;
        std::array<Uses, RINGFOLD_GRANTS_PER_PAGE> uses{};
    };
    struct Place {
        Page *page;
        Uses *uses;
        LiveGrantEntry entry;
    };
    [[nodiscard]] Result<Place> find(GrantRef reference) const;

    std::array<Owned<Page>, most_pages> pages_{};
    uint32_t limit_ = default_limit;
    uint32_t page_count_ = 0;
    uint32_t entries_used_ = 0;
    bool closed_ = false;
};

using LockedGrantTable = Locked<GrantTable, LockRank::grant_table>;

}  // namespace ringfold
