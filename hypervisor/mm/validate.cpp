// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/validate.hpp"

#include "hypervisor/mm/entry_rules.hpp"
#include "hypervisor/mm/entry_target.hpp"
#include "hypervisor/mm/extent.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/mm/pending_flush.hpp"
#include "hypervisor/mm/plain_leaf.hpp"
#include "hypervisor/mm/translation_model.hpp"

namespace ringfold {

namespace {

constexpr unsigned entries_between_checks = 32;

// Asked after a step, so that every visit makes at least one.
[[nodiscard]] bool must_pause(unsigned progress) {
    return progress % entries_between_checks == 0 && progress != 0 && progress != table_entries &&
           machine::preemption_due();
}

[[nodiscard]] Entry entry_of(MachineFrame table, unsigned index) {
    return LiveEntry{pointer_to<uint64_t>(table) + index}.read();
}

// How far the entries of a table are referenced, kept where others look for it.
class Progress {
  public:
    explicit Progress(FrameInfo &table) : entries(table.progress()), table_(table) {}
    Progress(const Progress &) = delete;
    Progress &operator=(const Progress &) = delete;
    ~Progress() { table_.set_progress(entries); }

    unsigned entries;

  private:
    FrameInfo &table_;
};

Result<void> take_entry(LockedMemory &memory, Level level, unsigned index, Entry entry, PendingFlush &flush) {
    if (entry == Entry{} || (level == Level::l1 && take_plain_leaf(memory, entry))) {
        return {};
    }
    const EntryKind kind = TRY(check_entry(level, index, entry));
    return take_target(memory, level, kind, entry, flush);
}

Result<void> drop_entry(LockedMemory &memory, Level level, Entry entry) {
    if (entry == Entry{} || (level == Level::l1 && drop_plain_leaf(memory, entry))) {
        return {};
    }
    return drop_target(memory, level, entry);
}

Result<void> take_entries(LockedMemory &memory, MachineFrame table, Level level, PendingFlush &flush) {
    Progress progress{frame_table::at(table)};
    while (progress.entries < table_entries) {
        TRY(take_entry(memory, level, progress.entries, entry_of(table, progress.entries), flush));
        ++progress.entries;
        if (must_pause(progress.entries)) {
            return Error::again;
        }
    }
    return {};
}

Result<void> drop_entries(LockedMemory &memory, MachineFrame table, Level level) {
    Progress progress{frame_table::at(table)};
    while (progress.entries > 0) {
        TRY(drop_entry(memory, level, entry_of(table, progress.entries - 1)));
        --progress.entries;
        if (must_pause(progress.entries)) {
            return Error::again;
        }
    }
    return {};
}

// While it lives, the table is not anybody else's to work on.
class Working {
  public:
    explicit Working(FrameInfo &table) : table_(table) {
        invariant(!table.working(), "nobody works on a table twice");
        table.set_working(true);
    }
    Working(const Working &) = delete;
    Working &operator=(const Working &) = delete;
    ~Working() { table_.set_working(false); }

  private:
    FrameInfo &table_;
};

// none -> partial. From here on no new writable use can appear, and after the flush no old one is left.
Result<void> begin_table(LockedMemory &memory, MachineFrame frame, Level level) {
    FrameInfo &info = frame_table::at(frame);
    Extent &extent = frame_table::extent_of(frame);
    TRY(extent.add_page_table());
    const auto begun = info.begin_table(table_type(level));
    if (!begun.ok()) {
        extent.remove_page_table();
        return begun.error();
    }
    PendingFlush flush;
    flush.add(info.table_stamp(), memory.cpus());
    flush.add(info.leaf_stamp.get(), memory.cpus());
    flush.add(extent.leaf_stamp.get(), memory.cpus());
    flush.perform();
    translation_model::check_becomes_table(memory.id(), frame);
    return {};
}

// partial, nothing referenced -> none.
void end_table(MachineFrame frame) {
    FrameInfo &info = frame_table::at(frame);
    Extent &extent = frame_table::extent_of(frame);
    // Whatever led here was taken away before: a processor that walks this table from now on does so from its cache.
    translation_model::table_removed(frame);
    const FlushMoment now = flush_clock::now();
    info.set_table_stamp(now);
    extent.table_stamp.advance(now);
    info.finish_undo();
    extent.remove_page_table();
}

Result<void> undo(LockedMemory &memory, MachineFrame frame) {
    const Working working{frame_table::at(frame)};
    TRY(drop_entries(memory, frame, level_of(frame_table::at(frame).state().type())));
    end_table(frame);
    return {};
}

// A refused taking leaves no trace; if there is no time for that now, before the next operation.
void undo_or_park(LockedMemory &memory, MachineFrame frame) {
    if (!undo(memory, frame).ok()) {
        memory.park(frame, FrameInfo::Parked::without_reference);
    }
}

// Debug builds: no referenced entry leads to what a processor might still use otherwise.
void check_targets(const LockedMemory &memory, MachineFrame table, Level level) {
    if constexpr (RINGFOLD_DEBUG != 0) {
        for (unsigned index = 0; index < frame_table::at(table).progress(); ++index) {
            check_reachable(memory, level, entry_of(table, index));
        }
    }
}

// partial -> validated, with a count for the caller.
Result<void> complete(LockedMemory &memory, MachineFrame frame, Level level) {
    FrameInfo &info = frame_table::at(frame);
    const Working working{info};
    PendingFlush flush;
    const auto taken = take_entries(memory, frame, level, flush);
    flush.perform();
    check_targets(memory, frame, level);
    if (!taken.ok()) {
        return taken.error();
    }
    if (level == Level::l4) {
        info.advance_generation();
    }
    return info.finish_validation();
}

}  // namespace

Result<void> take_table(LockedMemory &memory, MachineFrame frame, Level level) {
    FrameInfo &info = frame_table::at(frame);
    if (info.state().type() == table_type(level) && info.state().validated()) {
        return info.take_table(table_type(level));
    }
    if (info.working()) {
        return Error::busy;
    }
    if (info.state().type() != table_type(level)) {
        TRY(undo_interrupted(memory, frame));
        TRY(begin_table(memory, frame, level));
    }
    const auto completed = complete(memory, frame, level);
    if (completed.ok() || completed.error() == Error::again) {
        return completed.ok() ? Result<void>{} : completed.error();
    }
    if (info.state().type_count() == 0) {
        undo_or_park(memory, frame);
    }
    return completed.error();
}

Result<void> drop_table(LockedMemory &memory, MachineFrame frame, Level level) {
    FrameInfo &info = frame_table::at(frame);
    invariant(info.state().type() == table_type(level), "a table is dropped as what it was taken");
    if (info.drop_table_unless_last()) {
        return {};
    }
    if (info.state().validated()) {
        info.begin_undo();
    }
    return undo(memory, frame);
}

void drop_or_park(LockedMemory &memory, MachineFrame frame, Level level) {
    if (!drop_table(memory, frame, level).ok()) {
        memory.park(frame, FrameInfo::Parked::with_reference);
    }
}

Result<void> undo_interrupted(LockedMemory &memory, MachineFrame frame) {
    const FrameInfo &info = frame_table::at(frame);
    if (!info.state().partial() || info.state().type_count() != 0 || info.working()) {
        return {};
    }
    return undo(memory, frame);
}

Result<void> settle_parked(LockedMemory &memory) {
    while (memory.has_parked()) {
        const MachineFrame frame = memory.first_parked();
        const FrameInfo &info = frame_table::at(frame);
        if (info.parked() == FrameInfo::Parked::with_reference) {
            TRY(drop_table(memory, frame, level_of(info.state().type())));
        } else {
            TRY(undo_interrupted(memory, frame));
        }
        memory.unpark_first();
    }
    return {};
}

}  // namespace ringfold
