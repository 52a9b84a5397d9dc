// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/teardown.hpp"

#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/mm/release.hpp"
#include "hypervisor/mm/validate.hpp"

namespace ringfold {

namespace {

constexpr uint64_t frames_between_checks = 64;

// First pass: nothing of the domain keeps a table any more.
Result<void> undo_tables(LockedMemory &memory, MachineFrame frame) {
    FrameInfo &info = frame_table::at(frame);
    if (info.state().pinned()) {
        info.set_pinned(false);
        drop_or_park(memory, frame, level_of(info.state().type()));
        return settle_parked(memory);
    }
    return undo_interrupted(memory, frame);
}

// Calls step(frame) for each owned frame from where the last visit stopped. `again` before a frame is done with.
template <typename Step>
Result<void> pass(LockedMemory &memory, Step &&step) {
    uint64_t &cursor = memory.teardown_cursor();
    for (; cursor < memory.end_owned().raw(); ++cursor) {
        const MachineFrame frame{cursor};
        if (memory.owned_frame(frame).ok()) {
            TRY(step(frame));
        }
        if (cursor % frames_between_checks == 0 && machine::preemption_due()) {
            ++cursor;
            return Error::again;
        }
    }
    return {};
}

}  // namespace

Result<void> tear_down(DomainMemory &memory, void (*give_back)(MachineFrame frame)) {
    LockedMemory locked{memory};
    locked.retire(give_back);
    if (memory.owned() == FrameCount{}) {
        return {};
    }
    TRY(settle_parked(locked));
    if (locked.teardown_cursor() < locked.first_owned().raw()) {
        locked.teardown_cursor() = locked.first_owned().raw();
    }
    if (!locked.teardown_releases()) {
        TRY(pass(locked, [&locked](MachineFrame frame) { return undo_tables(locked, frame); }));
        locked.teardown_releases() = true;
        locked.teardown_cursor() = locked.first_owned().raw();
    }
    TRY(pass(locked, [&](MachineFrame frame) -> Result<void> {
        if (release(locked, frame).ok()) {  // else it is held, and counted as owned at the end
            give_back(frame);
        }
        return {};
    }));
    locked.teardown_cursor() = 0;
    locked.teardown_releases() = false;
    return memory.owned() == FrameCount{} ? Result<void>{} : Error::busy;
}

}  // namespace ringfold
