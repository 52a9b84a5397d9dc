// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/page_table_model.hpp"

namespace ringfold::test {

namespace {

constexpr uint64_t frame_number(uint64_t entry) { return (entry & 0x000f'ffff'ffff'f000) >> 12; }
constexpr bool bit(uint64_t entry, unsigned number) { return (entry >> number & 1) != 0; }

}  // namespace

void PageTableModel::World::clear() {
    for (const uint64_t frame : used) {
        frames[frame] = {};
    }
    used.clear();
    extents.assign(extents.size(), {});
    wrong.clear();
}

PageTableModel::FrameUse &PageTableModel::World::at(uint64_t frame) {
    FrameUse &use = frames[frame];
    if (use.tables + use.writable + use.read_only == 0) {
        used.push_back(frame);
    }
    return use;
}

bool PageTableModel::may_stand(unsigned level, unsigned index, uint64_t entry) const {
    if (level == 4 && index == 256) {
        return entry == 0;
    }
    if (!bit(entry, 0)) {
        const uint64_t frame = frame_number(entry);
        if (level > 1 && bit(entry, 7)) {
            return frame >= ram_end;
        }
        return frame == 0 || frame >= ram_end;
    }
    if (bit(entry, 8) || (entry >> 59 & 15) != 0) {
        return false;
    }
    if (level == 1) {
        return true;
    }
    if (bit(entry, 3) || bit(entry, 4)) {
        return false;
    }
    return !bit(entry, 7) || (level == 2 && frame_number(entry) % 512 == 0);
}

void PageTableModel::use_table(World &world, uint64_t frame, unsigned level) const {
    if (!owns(frame)) {
        world.wrong.insert(Error::access_denied);
        return;
    }
    FrameUse &use = world.at(frame);
    ++use.tables;
    if (use.level != 0) {
        if (use.level != level) {
            world.wrong.insert(Error::busy);
        }
        return;
    }
    use.level = level;
    ExtentUse &extent = world.extents[frame / 512];
    ++extent.tables;
    if (extent.big_writable != 0 || use.writable != 0) {
        world.wrong.insert(Error::busy);
    }
    const auto content = contents.find(frame);
    for (std::size_t slot = 0; content != contents.end() && slot < modelled_indices.size(); ++slot) {
        if (!may_stand(level, modelled_indices[slot], content->second[slot])) {
            world.wrong.insert(Error::access_denied);
            continue;
        }
        use_entry(world, level, content->second[slot]);
    }
}

void PageTableModel::use_entry(World &world, unsigned level, uint64_t entry) const {
    if (!bit(entry, 0)) {
        return;
    }
    const uint64_t frame = frame_number(entry);
    if (level > 1 && !bit(entry, 7)) {
        use_table(world, frame, level - 1);
        return;
    }
    if (level == 2) {
        const auto owner = extent_owners.find(frame / 512);
        if (owner == extent_owners.end() || owner->second != domain) {
            world.wrong.insert(Error::access_denied);
            return;
        }
        ExtentUse &extent = world.extents[frame / 512];
        ++(bit(entry, 1) ? extent.big_writable : extent.big_read_only);
        if (extent.big_writable != 0 && extent.tables != 0) {
            world.wrong.insert(Error::busy);
        }
        return;
    }
    if (frame >= ram_end) {
        if (frame < device_first || frame >= device_end) {
            world.wrong.insert(Error::access_denied);
        }
        return;
    }
    if (!owns(frame) || bit(entry, 3) || bit(entry, 4) || bit(entry, 7)) {
        world.wrong.insert(Error::access_denied);
        return;
    }
    FrameUse &use = world.at(frame);
    ++(bit(entry, 1) ? use.writable : use.read_only);
    if (bit(entry, 1) && use.level != 0) {
        world.wrong.insert(Error::busy);
    }
}

void PageTableModel::work_out(World &world, const std::vector<Wish> &wishes, const std::vector<Pin> &more_pins) const {
    world.clear();
    for (const uint64_t frame : held_writable) {
        ++world.at(frame).writable;
    }
    for (const Pin &pin : pins) {
        use_table(world, pin.frame, pin.level);
    }
    for (const Wish &wish : wishes) {
        use_entry(world, wish.level, wish.entry);
    }
    for (const Pin &pin : more_pins) {
        use_table(world, pin.frame, pin.level);
    }
}

}  // namespace ringfold::test
