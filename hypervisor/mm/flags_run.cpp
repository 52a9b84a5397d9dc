// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/flags_run.hpp"

#include "hypervisor/mm/entry_rules.hpp"
#include "hypervisor/mm/entry_target.hpp"
#include "hypervisor/mm/entry_update.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/mm/pending_flush.hpp"
#include "hypervisor/mm/validate.hpp"

namespace ringfold {

namespace {

constexpr uint64_t changeable = RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_USER | accessed_dirty |
                                RINGFOLD_ENTRY_SOFTWARE | RINGFOLD_ENTRY_NO_EXECUTE;

[[nodiscard]] Entry changed(Entry old, const FlagsRun &run) {
    return Entry{(old.raw() & ~run.mask) | (run.value & run.mask)};
}

// The reference for the new entry, beside the old entry's own, if the two need different ones. True: one was taken.
Result<bool> take_new(LockedMemory &memory, const EntryPlace &place, unsigned index, const FlagsRun &run,
                      PendingFlush &flush) {
    const Entry old = LiveEntry{place.word + index}.read();
    if (!old.present() || !old.is_leaf(place.level)) {
        return false;
    }
    const Entry entry = changed(old, run);
    const EntryKind kind = TRY(check_entry(place.level, place.index + index, entry));
    if (same_target(place.level, old, entry)) {
        return false;
    }
    TRY(take_target(memory, place.level, kind, entry, flush));
    return true;
}

void drop_leaf_target(LockedMemory &memory, Level level, Entry entry) {
    const auto dropped = drop_target(memory, level, entry);
    invariant(dropped.ok(), "only tables take long to drop");
}

// Gives back what take_new() took for the entries [0, end).
void give_back(LockedMemory &memory, const EntryPlace &place, unsigned end, const FlagsRun &run) {
    for (unsigned index = 0; index < end; ++index) {
        const Entry old = LiveEntry{place.word + index}.read();
        if (!old.present() || !old.is_leaf(place.level)) {
            continue;
        }
        if (!same_target(place.level, old, changed(old, run))) {
            drop_leaf_target(memory, place.level, changed(old, run));
        }
    }
}

void write(LockedMemory &memory, const EntryPlace &place, unsigned index, const FlagsRun &run) {
    LiveEntry live{place.word + index};
    Entry old = live.read();
    if (!old.present() || !old.is_leaf(place.level)) {
        return;
    }
    // Success: every bit outside the mask is as hardware left it. Failure: hardware set one meanwhile.
    check_reachable(memory, place.level, changed(old, run));
    while (!live.replace_if(old, changed(old, run))) {
    }
    if (!same_target(place.level, old, changed(old, run))) {
        drop_leaf_target(memory, place.level, old);
    }
}

}  // namespace

Result<void> change_flags(DomainMemory &memory, const FlagsRun &run) {
    if (run.count < 1 || run.count > table_entries || (run.mask & ~changeable) != 0) {
        return Error::invalid_argument;
    }
    LockedMemory locked{memory};
    TRY(settle_parked(locked));
    const EntryPlace place = TRY(find_entry(locked, run.first));
    if (place.index + run.count > table_entries) {
        return Error::invalid_argument;
    }
    PendingFlush flush;
    for (unsigned index = 0; index < run.count; ++index) {
        const auto taken = take_new(locked, place, index, run, flush);
        const auto still = check_still_table(place);
        if (!taken.ok() || !still.ok()) {
            give_back(locked, place, taken.ok() ? index + 1 : index, run);
            flush.abandon();
            return still.ok() ? taken.error() : still.error();
        }
    }
    flush.perform();
    for (unsigned index = 0; index < run.count; ++index) {
        write(locked, place, index, run);
    }
    return {};
}

}  // namespace ringfold
