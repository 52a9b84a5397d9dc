// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/assignment.hpp"

#include "hypervisor/mm/extent.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/pending_flush.hpp"
#include "hypervisor/mm/release.hpp"
#include "hypervisor/mm/translation_model.hpp"
#include "hypervisor/mm/validate.hpp"

namespace ringfold {

namespace {

void take_back(LockedMemory &memory, MachineFrame first, MachineFrame end) {
    for (MachineFrame frame = first; frame < end; ++frame) {
        const bool unused = frame_table::extent_of(frame).remove_frame(memory.id()).ok() &&
                            frame_table::at(frame).unassign(memory.id()).ok();
        invariant(unused, "a frame that was only just assigned has no use");
    }
}

}  // namespace

Result<void> assign_frames(DomainMemory &memory, MachineFrame first, FrameCount count) {
    const FrameCount table = frame_table::end() - MachineFrame{0};
    if (count > table || first.raw() > (table - count).raw()) {
        return Error::bad_frame;
    }
    if (count == FrameCount{}) {
        return {};
    }
    LockedMemory locked{memory};
    TRY(locked.add_owned(first, count));
    for (MachineFrame frame = first; frame < first + count; ++frame) {
        const auto assigned = frame_table::at(frame).assign(locked.id());
        if (!assigned.ok()) {
            take_back(locked, first, frame);
            locked.remove_owned(count);
            return assigned.error();
        }
        frame_table::extent_of(frame).add_frame(locked.id());
    }
    return {};
}

Result<void> release_frame(DomainMemory &memory, MachineFrame frame) {
    LockedMemory locked{memory};
    TRY(settle_parked(locked));
    TRY(locked.owned_frame(frame));
    TRY(undo_interrupted(locked, frame));
    return release(locked, frame);
}

Result<void> release(LockedMemory &memory, MachineFrame frame) {
    FrameInfo &info = frame_table::at(frame);
    Extent &extent = frame_table::extent_of(frame);
    TRY(extent.remove_frame(memory.id()));
    const auto unassigned = info.unassign(memory.id());
    if (!unassigned.ok()) {
        extent.add_frame(memory.id());
        return unassigned.error();
    }
    PendingFlush flush;
    flush.add(info.leaf_stamp.get(), memory.cpus());
    flush.add(info.table_stamp(), memory.cpus());
    flush.add(extent.leaf_stamp.get(), memory.cpus());
    flush.perform();
    translation_model::check_becomes_free(memory.id(), frame);
    memory.remove_owned(FrameCount{1});
    return {};
}

namespace {

Result<void> reserve(DomainMemory &memory, MachineFrame frame) {
    LockedMemory locked{memory};
    return locked.retired() ? Result<void>{Error::not_permitted} : locked.add_owned(frame, FrameCount{1});
}

void cancel_reservation(DomainMemory &memory) {
    LockedMemory locked{memory};
    locked.remove_owned(FrameCount{1});
}

// The frame is nobody's, and the domain has room for it.
void use_reservation(DomainMemory &memory, MachineFrame frame) {
    LockedMemory locked{memory};
    if (locked.retired()) {
        locked.remove_owned(FrameCount{1});
        locked.give_back(frame);
        return;
    }
    invariant(frame_table::at(frame).assign(locked.id()).ok(), "a frame that was released is free");
    frame_table::extent_of(frame).add_frame(locked.id());
}

Result<void> release_prepared(LockedMemory &memory, MachineFrame frame) {
    TRY(memory.owned_frame(frame));
    TRY(undo_interrupted(memory, frame));
    return release(memory, frame);
}

// Frames that are free and of which nobody else knows, in place of others.
void assign_instead(LockedMemory &memory, MachineFrame frame) {
    memory.replace_owned(frame, FrameCount{1});
    invariant(frame_table::at(frame).assign(memory.id()).ok(), "a frame that was allocated or released is free");
    frame_table::extent_of(frame).add_frame(memory.id());
}

}  // namespace

Result<void> move_frame(DomainMemory &from, DomainMemory &to, MachineFrame frame) {
    if (frame_table::find(frame) == nullptr) {
        return Error::bad_frame;
    }
    TRY(reserve(to, frame));
    if (const Result<void> released = release_frame(from, frame); !released.ok()) {
        cancel_reservation(to);
        return released.error();
    }
    use_reservation(to, frame);
    return {};
}

Result<void> exchange_frames(DomainMemory &memory, std::span<const MachineFrame> given, MachineFrame first) {
    LockedMemory locked{memory};
    TRY(settle_parked(locked));
    for (std::size_t index = 0; index < given.size(); ++index) {
        if (const Result<void> released = release_prepared(locked, given[index]); !released.ok()) {
            for (const MachineFrame frame : given.first(index)) {
                assign_instead(locked, frame);
            }
            return released.error();
        }
    }
    for (MachineFrame frame = first; frame < first + FrameCount{given.size()}; ++frame) {
        assign_instead(locked, frame);
    }
    return {};
}

Result<ringfold_frame_info> describe_frame(DomainMemory &memory, MachineFrame frame) {
    LockedMemory locked{memory};
    const FrameState state = TRY(locked.owned_frame(frame))->state();
    return ringfold_frame_info{
        .type = static_cast<uint32_t>(state.type()),
        .pinned = state.pinned() ? 1U : 0U,
        .type_count = state.type_count(),
        .reference_count = state.references() - 1,
    };
}

}  // namespace ringfold
