// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/entry_update.hpp"

#include "hypervisor/mm/entry_rules.hpp"
#include "hypervisor/mm/entry_target.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/mm/pending_flush.hpp"
#include "hypervisor/mm/validate.hpp"

namespace ringfold {

namespace {

// Accessed and dirty bits are the old entry's too if both entries are present and name the same frame.
[[nodiscard]] Entry with_kept_bits(Entry old, Entry entry) {
    const bool same = old.present() && entry.present() && old.frame() == entry.frame();
    return same ? Entry{entry.raw() | (old.raw() & accessed_dirty)} : entry;
}

// Returns the old entry.
Entry write(uint64_t *word, Entry entry, AccessedDirty bits) {
    LiveEntry live{word};
    if (bits == AccessedDirty::as_given) {
        return live.replace(entry);
    }
    Entry old = live.read();
    // Success: the bits that were merged are those that the replaced entry had. Failure: hardware set another.
    while (!live.replace_if(old, with_kept_bits(old, entry))) {
    }
    return old;
}

void drop(LockedMemory &memory, Level level, Entry entry) {
    if (kind_of(level, entry) == EntryKind::table) {
        drop_or_park(memory, entry.frame(), below(level));
        return;
    }
    const auto dropped = drop_target(memory, level, entry);
    invariant(dropped.ok(), "only tables take long to drop");
}

}  // namespace

Result<EntryPlace> find_entry(LockedMemory &memory, MachineAddress address) {
    if (address.raw() % sizeof(uint64_t) != 0) {
        return Error::invalid_argument;
    }
    const MachineFrame frame = frame_of(address);
    const FrameState state = TRY(memory.owned_frame(frame))->state();
    if (!state.is_table() || !state.validated()) {
        return Error::not_found;
    }
    const auto index = static_cast<unsigned>(address.page_offset() / sizeof(uint64_t));
    return EntryPlace{
        .table = frame, .level = level_of(state.type()), .index = index, .word = pointer_to<uint64_t>(frame) + index};
}

Result<void> check_still_table(const EntryPlace &place) {
    return frame_table::at(place.table).state().validated() ? Result<void>{} : Error::not_found;
}

void announce_change(const EntryPlace &place) {
    if (place.level == Level::l4) {
        frame_table::at(place.table).advance_generation();
        machine::root_changed(place.table);
    }
}

Result<Entry> set_entry(DomainMemory &memory, MachineAddress address, Entry entry, AccessedDirty bits) {
    LockedMemory locked{memory};
    TRY(settle_parked(locked));
    const EntryPlace place = TRY(find_entry(locked, address));
    const EntryKind kind = TRY(check_entry(place.level, place.index, entry));
    const Entry present = LiveEntry{place.word}.read();
    // Only this lock's holder changes anything but accessed and dirty bits, so the target stays the same.
    if (same_target(place.level, present, entry)) {
        const Entry old = write(place.word, entry, bits);
        announce_change(place);
        return old;
    }
    PendingFlush flush;
    TRY(take_target(locked, place.level, kind, entry, flush));
    flush.perform();
    if (const Result<void> still = check_still_table(place); !still.ok()) {
        drop(locked, place.level, entry);
        return still.error();
    }
    check_reachable(locked, place.level, entry);
    const Entry old = write(place.word, entry, bits);
    announce_change(place);
    drop(locked, place.level, old);
    return old;
}

}  // namespace ringfold
