// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/domain_memory.hpp"

#include "hypervisor/mm/machine_seam.hpp"

#include <algorithm>

namespace ringfold {

void DomainMemory::allow_all_devices() { lock_.lock()->all_devices = true; }

Result<void> DomainMemory::allow_devices(MachineFrame first, FrameCount count) {
    constexpr uint64_t frame_limit = uint64_t{1} << (52 - page_shift);
    if (count.raw() > frame_limit || first.raw() > frame_limit - count.raw()) {
        return Error::out_of_range;
    }
    for (MachineFrame frame = first; frame < first + count && frame < frame_table::end(); ++frame) {
        if (frame_table::is_ram(frame)) {
            return Error::out_of_range;
        }
    }
    const auto guarded = lock_.lock();
    if (guarded->device_count == guarded->devices.size()) {
        return Error::limit_reached;
    }
    guarded->devices[guarded->device_count++] = {.first = first, .count = count};
    return {};
}

bool LockedMemory::may_map_device(MachineFrame frame) const {
    const auto &devices = guarded_->devices;
    if (frame_table::is_kept_device(frame)) {
        return false;
    }
    return guarded_->all_devices ||
           std::any_of(devices.begin(), devices.begin() + guarded_->device_count, [frame](const auto &range) {
               return range.first <= frame && frame - range.first < range.count;
           });
}

Result<FrameInfo *> LockedMemory::owned_frame(MachineFrame frame) const {
    FrameInfo *info = frame_table::find(frame);
    if (info == nullptr || !info->owned_by(id())) {
        return Error::bad_frame;
    }
    return info;
}

Result<void> LockedMemory::add_owned(MachineFrame first, FrameCount count) {
    const FrameCount maximum = memory_.maximum();  // others may change it at any moment
    if (count > maximum || memory_.owned() > maximum - count) {
        return Error::out_of_memory;
    }
    replace_owned(first, count);
    return {};
}

void LockedMemory::replace_owned(MachineFrame first, FrameCount count) {
    memory_.owned_.store((memory_.owned() + count).raw(), std::memory_order_relaxed);
    guarded_->lowest_frame = std::min(guarded_->lowest_frame, first.raw());
    guarded_->highest_frame = std::max(guarded_->highest_frame, first.raw() + count.raw() - 1);
}

void LockedMemory::remove_owned(FrameCount count) {
    invariant(memory_.owned() >= count, "a domain gives up what it owns");
    memory_.owned_.store((memory_.owned() - count).raw(), std::memory_order_relaxed);
}

void LockedMemory::park(MachineFrame frame, FrameInfo::Parked how) {
    FrameInfo &info = frame_table::at(frame);
    invariant(info.parked() == FrameInfo::Parked::no, "a table is parked once");
    info.set_parked(how, guarded_->first_parked);
    guarded_->first_parked = static_cast<uint32_t>(frame.raw());
}

void LockedMemory::unpark_first() {
    FrameInfo &info = frame_table::at(first_parked());
    guarded_->first_parked = info.parked_next();
    info.set_parked(FrameInfo::Parked::no, 0);
}

}  // namespace ringfold
