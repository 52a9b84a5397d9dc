// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/flags_run.hpp"

#include "hypervisor/mm/entry_rules.hpp"
#include "hypervisor/mm/entry_target.hpp"
#include "hypervisor/mm/entry_update.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/mm/pending_flush.hpp"
#include "hypervisor/mm/plain_leaf.hpp"
#include "hypervisor/mm/translation_model.hpp"
#include "hypervisor/mm/validate.hpp"

#include <optional>

namespace ringfold {

namespace {

constexpr uint64_t changeable = RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_USER | accessed_dirty |
                                RINGFOLD_ENTRY_SOFTWARE | RINGFOLD_ENTRY_NO_EXECUTE;

[[nodiscard]] Entry changed(Entry old, const FlagsRun &run) {
    return Entry{(old.raw() & ~run.mask) | (run.value & run.mask)};
}

// What the run makes of one present leaf.
struct Change {
    Entry old;
    Entry entry;
    FrameInfo *own;  // the frame that a 4 KiB entry names, if it is the domain's; else nullptr

    // Otherwise both entries hold the same on the same frame.
    [[nodiscard]] bool of_target() const { return old.writable() != entry.writable(); }
};

// Inlined into the loops over a table, as what mprotect and fork of a guest consist of.
[[nodiscard, gnu::always_inline]] inline std::optional<Change> change_at(const LockedMemory &memory,
                                                                         const EntryPlace &place, unsigned index,
                                                                         const FlagsRun &run) {
    const Entry old = LiveEntry{place.word + index}.read();
    if (!old.present() || !old.is_leaf(place.level)) {
        return std::nullopt;
    }
    FrameInfo *const own = place.level == Level::l1 ? own_frame_of(memory, old) : nullptr;
    return Change{.old = old, .entry = changed(old, run), .own = own};
}

// The domain's own frame, which is mapped read-only, is to be mapped writable.
Result<void> make_writable(LockedMemory &memory, const EntryPlace &place, const Change &change, PendingFlush &flush) {
    TRY(undo_interrupted(memory, change.entry.frame()));
    TRY(check_still_table(place));
    TRY(change.own->make_writable());
    flush.add(change.own->table_stamp(), memory.cpus());
    return {};
}

// Takes what the new entry holds: for the domain's own frame, beyond what the old one does already; else all of it.
Result<void> take_new(LockedMemory &memory, const EntryPlace &place, unsigned index, const Change &change,
                      PendingFlush &flush) {
    if (change.own != nullptr) {  // no flag that can change is forbidden in a 4 KiB entry
        const bool nothing = !change.of_target() || !change.entry.writable() || change.own->try_make_writable();
        return nothing ? Result<void>{} : make_writable(memory, place, change, flush);
    }
    const EntryKind kind = TRY(check_entry(place.level, place.index + index, change.entry));
    return change.of_target() ? take_target(memory, place.level, kind, change.entry, flush) : Result<void>{};
}

void drop_leaf_target(LockedMemory &memory, Level level, Entry entry) {
    const auto dropped = drop_target(memory, level, entry);
    invariant(dropped.ok(), "only tables take long to drop");
}

// What take_new() took, while no processor has seen the new entry.
void give_back(LockedMemory &memory, const EntryPlace &place, const Change &change) {
    if (!change.of_target()) {
        return;
    }
    if (change.own == nullptr) {
        drop_leaf_target(memory, place.level, change.entry);
    } else if (change.entry.writable()) {
        change.own->make_read_only();
    }
}

// The same for the entries [0, end).
void give_back(LockedMemory &memory, const EntryPlace &place, unsigned end, const FlagsRun &run) {
    for (unsigned index = 0; index < end; ++index) {
        if (const auto change = change_at(memory, place, index, run)) {
            give_back(memory, place, *change);
        }
    }
}

// What the old entry held and the new one does not.
void drop_old(LockedMemory &memory, const EntryPlace &place, const Change &change) {
    if (!change.of_target()) {
        return;
    }
    if (change.own == nullptr) {
        drop_leaf_target(memory, place.level, change.old);
    } else if (!change.entry.writable()) {
        translation_model::leaf_removed(Level::l1, change.old);
        change.own->leaf_stamp.advance(flush_clock::now());
        change.own->make_read_only();
    }
}

void write(LockedMemory &memory, const EntryPlace &place, unsigned index, const FlagsRun &run) {
    const auto change = change_at(memory, place, index, run);
    if (!change) {
        return;
    }
    check_reachable(memory, place.level, change->entry);
    LiveEntry live{place.word + index};
    Entry old = change->old;
    // Success: every bit outside the mask is as hardware left it. Failure: hardware set one meanwhile.
    while (!live.replace_if(old, changed(old, run))) {
    }
    drop_old(memory, place, *change);
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
        const auto change = change_at(locked, place, index, run);
        if (!change) {
            continue;
        }
        const auto taken = take_new(locked, place, index, *change, flush);
        if (!taken.ok()) {
            give_back(locked, place, index, run);
            flush.abandon();
            return taken.error();
        }
    }
    flush.perform();
    for (unsigned index = 0; index < run.count; ++index) {
        write(locked, place, index, run);
    }
    return {};
}

}  // namespace ringfold
