// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/grant/grant_table.hpp"

#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <utility>

namespace ringfold {

Result<GrantTable::Place> GrantTable::find(GrantRef reference) const {
    const uint32_t index = reference.raw() / RINGFOLD_GRANTS_PER_PAGE;
    const uint32_t within = reference.raw() % RINGFOLD_GRANTS_PER_PAGE;
    if (index >= most_pages || !pages_[index]) {
        return Error::out_of_range;
    }
    Page &page = *pages_[index];
    return Place{.page = &page,
                 .uses = &page.uses[within],
                 .entry = LiveGrantEntry{pointer_to<ringfold_grant_entry>(page.frame.frame())[within]}};
}

Result<TypeReference> GrantTable::set(uint32_t index, TypeReference frame) {
    if (index >= limit_ && (frame || index >= most_pages)) {
        return Error::out_of_range;
    }
    if (closed_) {
        return Error::not_permitted;
    }
    Owned<Page> &place = pages_[index];
    if (place && place->entries_used != 0) {
        return Error::busy;
    }
    if (!frame) {
        return take_page(index);
    }
    if (!place) {
        place = TRY(create_owned<Page>());
        ++page_count_;
    }
    return std::exchange(place->frame, std::move(frame));
}

TypeReference GrantTable::take_page(uint32_t index) {
    Owned<Page> page = std::move(pages_[index]);
    if (!page) {
        return {};
    }
    --page_count_;
    entries_used_ -= page->entries_used;
    return std::move(page->frame);
}

Result<MachineFrame> GrantTable::claim(GrantRef reference, DomainId user, GrantAccess access) {
    Place place = TRY(find(reference));
    Uses &uses = *place.uses;
    if (closed_ || uses.readers == UINT32_MAX) {
        return closed_ ? Error::out_of_range : Error::limit_reached;
    }
    TRY(place.entry.claim(user, access));
    if (uses.readers == 0) {
        ++place.page->entries_used;
        ++entries_used_;
    }
    ++uses.readers;
    uses.writers += access == GrantAccess::writable ? 1 : 0;
    return MachineFrame{place.entry.frame()};
}

void GrantTable::unclaim(GrantRef reference, GrantAccess access) {
    Result<Place> found = find(reference);
    if (!found.ok()) {
        invariant(closed_, "a page with entries in use stays registered");
        return;
    }
    Place &place = found.value();
    invariant(place.uses->readers != 0, "a use of an entry ends once");
    uint32_t cleared = 0;
    if (access == GrantAccess::writable && --place.uses->writers == 0) {
        cleared |= RINGFOLD_GRANT_WRITING;
    }
    if (--place.uses->readers == 0) {
        cleared |= RINGFOLD_GRANT_READING;
        --place.page->entries_used;
        --entries_used_;
    }
    place.entry.clear(cleared);
}

Result<GuestFrame> GrantTable::begin_transfer(GrantRef reference, DomainId giver) {
    Place place = TRY(find(reference));
    if (closed_ || place.uses->readers == UINT32_MAX) {
        return closed_ ? Error::out_of_range : Error::limit_reached;
    }
    TRY(place.entry.begin_transfer(giver));
    if (place.uses->readers++ == 0) {  // counted as a use: its page stays
        ++place.page->entries_used;
        ++entries_used_;
    }
    return GuestFrame{place.entry.frame()};
}

void GrantTable::end_transfer(GrantRef reference, MachineFrame frame) {
    if (Result<Place> place = find(reference); place.ok()) {
        place.value().entry.end_transfer(frame);
    }
    unclaim(reference, GrantAccess::read_only);
}

void GrantTable::abandon_transfer(GrantRef reference) {
    if (Result<Place> place = find(reference); place.ok()) {
        place.value().entry.abandon_transfer();
    }
    unclaim(reference, GrantAccess::read_only);
}

Result<void> GrantTable::set_limit(uint32_t pages) {
    if (pages > most_pages) {
        return Error::out_of_range;
    }
    limit_ = pages;
    return {};
}

}  // namespace ringfold
