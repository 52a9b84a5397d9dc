// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/audit_counts.hpp"

#include "hypervisor/mm/audit.hpp"
#include "hypervisor/mm/frame_table.hpp"

namespace ringfold {

void AuditCounts::start(MachineFrame first) {
    first_ = first;
    frames_.fill({});
    extents_.fill({});
}

void AuditCounts::use(MachineFrame frame, FrameType type, DomainId user) {
    if (!contains(frame)) {
        return;
    }
    Frame &counted = frames_[(frame - first_).raw()];
    ++counted.uses;
    counted.foreign |= frame_table::at(frame).owner() != user;
    if (type == FrameType::none) {
        return;
    }
    counted.types_conflict |= counted.typed != 0 && counted.type != type;
    counted.type = type;
    ++counted.typed;
}

void AuditCounts::use_extent(MachineFrame frame, bool writable, DomainId user) {
    if (!contains(frame)) {
        return;
    }
    Extent &counted = extents_[(frame - first_).raw() / frames_per_extent];
    ++(writable ? counted.writable : counted.read_only);
    for (uint64_t offset = 0; offset < frames_per_extent; ++offset) {
        const FrameInfo *info = frame_table::find(frame + FrameCount{offset});
        counted.foreign |= info == nullptr || info->owner() != user;
    }
}

void AuditCounts::page_table(MachineFrame frame) {
    if (contains(frame)) {
        ++extents_[(frame - first_).raw() / frames_per_extent].page_tables;
    }
}

void audit_holder(AuditCounts &counts, MachineFrame frame, FrameType type) {
    const FrameInfo *info = frame_table::find(frame);
    if (info != nullptr) {
        counts.use(frame, type, info->owner());
    }
}

}  // namespace ringfold
