// SPDX-License-Identifier: Apache-2.0
// guest: dom0=1 memory=31M rights=0xff
//
// The control domain's pseudo-physical frames are machine frames, so that devices can be given their addresses.
// Expected: the start-info page says so and names ranges of whole 2 MiB extents that add up to what was asked for,
// rounded up; every frame in them belongs to the domain and no frame around them does; tables, start info and image lie
// in them; the machine-to-physical table agrees; and a page table can be made and used as anywhere.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t extent = 512;  // frames
constexpr uint64_t probe_address = 0x4000'0000;

bool is_own(uint64_t frame) { return hypercall(RINGFOLD_HYPERCALL_DEBUG_FRAME, frame, 0).status == 0; }

bool is_in_range(uint64_t frame) {
    const ringfold_start_info &info = start_info();
    for (uint32_t index = 0; index < info.range_count; ++index) {
        if (frame - info.ranges[index].first < info.ranges[index].count) {
            return true;
        }
    }
    return false;
}

void check_range(const ringfold_memory_range &range) {
    check(range.first % extent == 0 && range.count % extent == 0 && range.count > 0, "range 0x%lx + 0x%lx", range.first,
          range.count);
    for (const uint64_t frame : Words{range.first, range.first + range.count / 2, range.first + range.count - 1}) {
        check(is_own(frame), "frame 0x%lx is the domain's", frame);
        check_equal(physical_frame({frame}).number, frame, "machine-to-physical");
    }
    check(!is_own(range.first - 1) && !is_own(range.first + range.count), "the frames around are not");
}

}  // namespace

void guest_main() {
    const ringfold_start_info &info = start_info();
    check((info.flags & RINGFOLD_START_IDENTITY) != 0, "flags 0x%lx", info.flags);
    check((info.flags & RINGFOLD_START_PRIVILEGED) != 0, "flags 0x%lx", info.flags);
    check_equal(info.physical_to_machine, 0, "no physical-to-machine map");
    uint64_t frames = 0;
    uint64_t end = 0;
    for (uint32_t index = 0; index < info.range_count; ++index) {
        check(info.ranges[index].first > end || index == 0, "ranges ascend, with gaps");
        check_range(info.ranges[index]);
        end = info.ranges[index].first + info.ranges[index].count;
        frames += info.ranges[index].count;
    }
    check_equal(frames, info.frame_count, "frames in all");
    check_equal(frames, 16 * extent, "31 MiB in whole extents");
    for (const uint64_t frame : Words{info.first_frame, info.page_tables, info.vcpu_page, info.root,
                                      info.first_frame + info.mapped_frames - 1}) {
        check(is_in_range(frame), "frame 0x%lx is in a range", frame);
    }
    check_equal(info.root, info.page_tables, "the root is the first table");
    const PhysicalFrame page = allocate_frame();
    store<uint64_t>(linear_address(page), 42);
    map_page(probe_address, entry_for(MachineFrame{page.number}, kernel_data));
    check_equal(load<uint64_t>(probe_address), 42, "a frame by its own number");
}
