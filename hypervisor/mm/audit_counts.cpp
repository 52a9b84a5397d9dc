// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/audit_counts.hpp"

#include "hypervisor/mm/audit.hpp"
#include "hypervisor/mm/domain_memory.hpp"
#include "hypervisor/mm/frame_table.hpp"

namespace ringfold {

namespace {

// What one leaf adds to a frame's fingerprint: another odd number for each user and kind, so that two wrong counts of
// different users do not make up for each other.
constexpr uint64_t weight(FrameType type, DomainId user) {
    const uint64_t which = uint64_t{user.raw()} << 8 | static_cast<uint64_t>(type);
    return (which * 0x9e37'79b9'7f4a'7c15) | 1;  // 2^64 divided by the golden ratio
}

}  // namespace

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

void AuditCounts::use_leaf(MachineFrame frame, FrameType type, DomainId user) {
    if (!contains(frame)) {
        return;
    }
    const DomainId owner = frame_table::at(frame).owner();
    use(frame, type, owner);
    if (owner != user) {
        frames_[(frame - first_).raw()].borrowed += weight(type, user);
    }
}

void AuditCounts::expect_borrowed(MachineFrame frame, FrameType type, DomainId user, uint64_t count) {
    if (contains(frame)) {
        frames_[(frame - first_).raw()].borrowed -= weight(type, user) * count;
    }
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

void audit_borrowed(AuditCounts &counts, DomainMemory &memory) {
    const LockedMemory locked{memory};
    locked.borrowed().for_each([&](const BorrowedFrame &borrowed) {
        counts.expect_borrowed(borrowed.frame, FrameType::none, locked.id(), borrowed.read_only_mappings);
        counts.expect_borrowed(borrowed.frame, FrameType::writable, locked.id(), borrowed.writable_mappings);
    });
}

void audit_holder(AuditCounts &counts, MachineFrame frame, FrameType type) {
    const FrameInfo *info = frame_table::find(frame);
    if (info != nullptr) {
        counts.use(frame, type, info->owner());
    }
}

}  // namespace ringfold
