// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/entry_target.hpp"

#include "hypervisor/mm/borrowed_frames.hpp"
#include "hypervisor/mm/extent.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/plain_leaf.hpp"
#include "hypervisor/mm/translation_model.hpp"
#include "hypervisor/mm/validate.hpp"

namespace ringfold {

namespace {

// In an entry, a frame that is not the domain's is one that it must not name.
[[nodiscard]] Error in_entry(Error error) { return error == Error::bad_frame ? Error::access_denied : error; }

Result<void> take_leaf(LockedMemory &memory, Entry entry, PendingFlush &flush) {
    if (take_plain_leaf(memory, entry)) {
        return {};
    }
    const MachineFrame frame = entry.frame();
    FrameInfo *const info = frame_table::find_ram(frame);
    if (info == nullptr) {
        return memory.may_map_device(frame) ? Result<void>{} : Error::access_denied;
    }
    if (entry.has(leaf_caching)) {
        return Error::access_denied;
    }
    if (!info->owned_by(memory.id())) {
        return take_borrowed_leaf(memory, entry);
    }
    if (!entry.writable()) {
        const auto taken = info->take(memory.id());
        return taken.ok() ? Result<void>{} : in_entry(taken.error());
    }
    TRY(undo_interrupted(memory, frame));
    const auto taken = info->take_writable(memory.id());
    if (!taken.ok()) {
        return in_entry(taken.error());
    }
    // A processor that still walks the frame as a table would walk what the guest is now free to write.
    flush.add(info->table_stamp(), memory.cpus());
    return {};
}

// Under the owner's lock no frame comes or goes.
bool owns_all(const LockedMemory &memory, MachineFrame first) {
    for (MachineFrame frame = first; frame < first + FrameCount{frames_per_extent}; ++frame) {
        const FrameInfo *const info = frame_table::find_ram(frame);
        if (info == nullptr || !info->owned_by(memory.id())) {
            return false;
        }
    }
    return true;
}

Result<void> take_big_leaf(LockedMemory &memory, Entry entry, PendingFlush &flush) {
    if (!(entry.frame() < frame_table::end())) {
        return Error::access_denied;
    }
    Extent &extent = frame_table::extent_of(entry.frame());
    Result<void> added = extent.add_big(memory.id(), entry.writable());
    if (!added.ok() && added.error() == Error::access_denied && owns_all(memory, entry.frame())) {
        extent.count_all(memory.id());
        added = extent.add_big(memory.id(), entry.writable());
    }
    TRY(added);
    if (entry.writable()) {
        flush.add(extent.table_stamp.get(), memory.cpus());
    }
    return {};
}

Result<void> take_lower_table(LockedMemory &memory, Level level, Entry entry) {
    if (!memory.owned_frame(entry.frame()).ok()) {
        return Error::access_denied;
    }
    return take_table(memory, entry.frame(), below(level));
}

void drop_leaf(LockedMemory &memory, Entry entry) {
    if (!drop_plain_leaf(memory, entry) && frame_table::is_ram(entry.frame())) {
        drop_borrowed_leaf(memory, entry);  // what is mapped is held: it cannot change hands
    }
}

void drop_big_leaf(Entry entry) {
    Extent &extent = frame_table::extent_of(entry.frame());
    translation_model::leaf_removed(Level::l2, entry);
    extent.leaf_stamp.advance(flush_clock::now());
    extent.remove_big(entry.writable());
}

}  // namespace

EntryKind kind_of(Level level, Entry entry) {
    if (!entry.present()) {
        return EntryKind::nothing;
    }
    if (level == Level::l1) {
        return EntryKind::leaf;
    }
    return entry.is_big_leaf(level) ? EntryKind::big_leaf : EntryKind::table;
}

Result<void> take_target(LockedMemory &memory, Level level, EntryKind kind, Entry entry, PendingFlush &flush) {
    switch (kind) {
        case EntryKind::nothing:
            return {};
        case EntryKind::leaf:
            return take_leaf(memory, entry, flush);
        case EntryKind::big_leaf:
            return take_big_leaf(memory, entry, flush);
        case EntryKind::table:
            return take_lower_table(memory, level, entry);
    }
    __builtin_unreachable();
}

Result<void> drop_target(LockedMemory &memory, Level level, Entry entry) {
    switch (kind_of(level, entry)) {
        case EntryKind::nothing:
            return {};
        case EntryKind::leaf:
            drop_leaf(memory, entry);
            return {};
        case EntryKind::big_leaf:
            drop_big_leaf(entry);
            return {};
        case EntryKind::table:
            return drop_table(memory, entry.frame(), below(level));
    }
    __builtin_unreachable();
}

void check_reachable(const LockedMemory &memory, Level level, Entry entry) {
    if constexpr (RINGFOLD_DEBUG == 0) {
        return;
    }
    const FrameInfo *const named =
        kind_of(level, entry) == EntryKind::leaf ? frame_table::find_ram(entry.frame()) : nullptr;
    const DomainId owner = named != nullptr ? named->owner() : memory.id();
    translation_model::check_entry_target(owner, level, entry);
}

bool same_target(Level level, Entry a, Entry b) {
    const EntryKind kind = kind_of(level, a);
    if (kind != kind_of(level, b)) {
        return false;
    }
    if (kind == EntryKind::nothing) {
        return true;
    }
    if (kind == EntryKind::leaf && ((a.raw() ^ b.raw()) & leaf_caching) != 0) {
        return false;  // whether the new attribute is allowed is take_target()'s to say
    }
    return a.frame() == b.frame() && (kind == EntryKind::table || a.writable() == b.writable());
}

}  // namespace ringfold
