// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/held_frames.hpp"

#include "hypervisor/mm/pending_flush.hpp"
#include "hypervisor/mm/release.hpp"
#include "hypervisor/mm/translation_model.hpp"
#include "hypervisor/mm/validate.hpp"

namespace ringfold {

namespace {

// The domain is gone but for frames like this one was.
void give_back_if_retired(LockedMemory &memory, MachineFrame frame) {
    if (memory.retired() && release(memory, frame).ok()) {
        memory.give_back(frame);
    }
}

Result<void> take_writable(LockedMemory &memory, MachineFrame frame) {
    FrameInfo &info = frame_table::at(frame);
    TRY(undo_interrupted(memory, frame));
    TRY(info.take_writable(memory.id()));
    PendingFlush flush;
    flush.add(info.table_stamp(), memory.cpus());
    flush.perform();
    translation_model::check_becomes_writable(memory.id(), frame);
    return {};
}

}  // namespace

void TypeReference::drop() {
    if (memory_ == nullptr) {
        return;
    }
    LockedMemory locked{*memory_};
    FrameInfo &info = frame_table::at(frame_);
    if (type_ == FrameType::none) {
        info.drop();
    } else if (type_ == FrameType::writable) {
        translation_model::leaf_removed(Level::l1, Entry{frame_, 0});  // the vCPU's page was mapped in slot 256
        info.leaf_stamp.advance(flush_clock::now());
        info.drop_writable();
    } else {
        drop_or_park(locked, frame_, level_of(type_));
    }
    give_back_if_retired(locked, frame_);
    memory_ = nullptr;
}

Result<TypeReference> take_root(DomainMemory &memory, MachineFrame frame) {
    LockedMemory locked{memory};
    TRY(settle_parked(locked));
    TRY(locked.owned_frame(frame));
    TRY(take_table(locked, frame, Level::l4));
    return TypeReference{memory, frame, FrameType::l4};
}

Result<TypeReference> hold_readable(DomainMemory &memory, MachineFrame frame) {
    FrameInfo *const info = frame_table::find(frame);
    if (info == nullptr) {
        return Error::bad_frame;
    }
    TRY(info->take(memory.id()));
    return TypeReference{memory, frame, FrameType::none};
}

Result<TypeReference> hold_writable(DomainMemory &memory, MachineFrame frame) {
    LockedMemory locked{memory};
    TRY(settle_parked(locked));
    TRY(locked.owned_frame(frame));
    TRY(take_writable(locked, frame));
    return TypeReference{memory, frame, FrameType::writable};
}

Result<TypeReference> hold(DomainMemory &memory, MachineFrame frame, GrantAccess access) {
    LockedMemory locked{memory};
    FrameInfo *const info = TRY(locked.owned_frame(frame));
    if (locked.retired()) {
        return Error::bad_frame;
    }
    if (access == GrantAccess::read_only) {
        TRY(info->take(locked.id()));
        return TypeReference{memory, frame, FrameType::none};
    }
    if (info->state().is_table()) {
        TRY(settle_parked(locked));  // it may only wait to be undone
    }
    TRY(take_writable(locked, frame));
    return TypeReference{memory, frame, FrameType::writable};
}

Result<void> pin_table(DomainMemory &memory, MachineFrame frame, Level level) {
    LockedMemory locked{memory};
    TRY(settle_parked(locked));
    FrameInfo *info = TRY(locked.owned_frame(frame));
    if (info->state().pinned()) {
        return Error::already_exists;
    }
    TRY(take_table(locked, frame, level));
    info->set_pinned(true);
    return {};
}

Result<void> unpin_table(DomainMemory &memory, MachineFrame frame) {
    LockedMemory locked{memory};
    TRY(settle_parked(locked));
    FrameInfo *info = TRY(locked.owned_frame(frame));
    if (!info->state().pinned()) {
        return Error::not_found;
    }
    info->set_pinned(false);
    drop_or_park(locked, frame, level_of(info->state().type()));
    return {};
}

}  // namespace ringfold
