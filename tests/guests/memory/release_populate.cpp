// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// Frames leave a domain and come back clear. Refused to release: frames that are mapped, pinned, linked or running as
// tables (EBUSY), frames not the domain's or released already (EFAULT); the progress says how many went before. Refused
// to populate: more than the domain's maximum (ENOMEM), orders other than 0 and 9, too many. A released frame is out of
// reach; a populated one is clear, writable, and found in the machine-to-physical table.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr uint64_t count = 8;

// Goes on from the progress while preempted; the progress of all together.
Result in_pieces(uint64_t number, uint64_t frames, uint64_t order) {
    uint64_t done = 0;
    for (;;) {
        const Result result = hypercall(number, done * sizeof(uint64_t), frames - done, order);
        done += result.value;
        if (result.status != -RINGFOLD_EAGAIN) {
            return {result.status, done};
        }
    }
}
Result release(uint64_t frames) { return in_pieces(RINGFOLD_HYPERCALL_MEMORY_RELEASE, frames, 0); }
Result populate(uint64_t frames, uint64_t order = 0) {
    return in_pieces(RINGFOLD_HYPERCALL_MEMORY_POPULATE, frames, order);
}

void unmap_initially(PhysicalFrame frame) {
    set_entry(find_slot(linear_address(frame)).machine_address, 0);
    invalidate_page(linear_address(frame));
}

void refusals(PhysicalFrame frame) {
    uint64_t *list = call_buffer<uint64_t>();
    list[0] = machine_frame(frame).number;
    check_status(release(1), -RINGFOLD_EBUSY, "a mapped frame");
    check_status(release(513), -RINGFOLD_ERANGE, "513 frames");
    check_status(populate(513), -RINGFOLD_ERANGE, "populating 513 frames");
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, call_buffer_size - 8, 2), -RINGFOLD_EFAULT,
                 "outside the buffer");
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_POPULATE, call_buffer_size, 1, 0), -RINGFOLD_EFAULT,
                 "outside the buffer");
    for (const uint64_t order : Words{1, 8, 10, 64, 0xffff'ffff}) {
        check_status(populate(1, order), -RINGFOLD_EINVAL, "an order");
    }
    list[0] = 0;
    check_status(populate(1), -RINGFOLD_ENOMEM, "more than the domain's maximum");
    list[0] = 0;
    check_status(populate(1, 9), -RINGFOLD_ENOMEM, "an extent more");
    const MachineFrame table = make_table();
    check_result(pin(table, 1), 0, 1, "pinning a table");
    unmap_initially(physical_frame(table));
    list[0] = table.number;
    check_status(release(1), -RINGFOLD_EBUSY, "a pinned table");
    check_result(unpin(table), 0, 1, "unpinning it");
    list[0] = frame_in(find_slot(window, 2).value).number;
    check_status(release(1), -RINGFOLD_EBUSY, "a linked table");
    list[0] = this_vcpu().root.number;
    check_status(release(1), -RINGFOLD_EBUSY, "the running root");
}

}  // namespace

void guest_main() {
    map_page(window, 0);
    PhysicalFrame frames[count];
    uint64_t *list = call_buffer<uint64_t>();
    for (PhysicalFrame &frame : frames) {
        frame = allocate_frame();
        store<uint64_t>(linear_address(frame) + 8, 0x1234);
    }
    refusals(frames[0]);

    for (const PhysicalFrame frame : frames) {
        unmap_initially(frame);
    }
    constexpr uint64_t bad = 5;
    for (uint64_t i = 0; i < count; ++i) {
        list[i] = i == bad ? RINGFOLD_NO_FRAME : machine_frame(frames[i]).number;
    }
    check_result(release(count), -RINGFOLD_EFAULT, bad, "a bad frame among good ones");
    for (uint64_t i = 0; i < bad; ++i) {
        list[0] = machine_frame(frames[i]).number;
        check_status(release(1), -RINGFOLD_EFAULT, "a frame released already");
        const Slot slot = find_slot(window);
        check_status(set_entry(slot.machine_address, entry_for(machine_frame(frames[i]), user_data)), -RINGFOLD_EACCES,
                     "mapping a released frame");
    }
    for (uint64_t i = bad; i < count; ++i) {
        list[i - bad] = machine_frame(frames[i]).number;
    }
    check_result(release(count - bad), 0, count - bad, "the rest");

    for (uint64_t i = 0; i < count; ++i) {
        list[i] = frames[i].number;
    }
    check_result(populate(count), 0, count, "populating as many");
    MachineFrame machines[count];
    for (uint64_t i = 0; i < count; ++i) {
        machines[i] = {list[i]};  // mapping them uses the call buffer
    }
    for (uint64_t i = 0; i < count; ++i) {
        check_equal(physical_frame(machines[i]).number, frames[i].number, "the machine-to-physical table");
        map_page(window, entry_for(machines[i], kernel_data));
        for (uint64_t offset = 0; offset < page_size; offset += 8) {
            check(load<uint64_t>(window + offset) == 0, "a populated frame is not clear at %lu", offset);
        }
        store<uint64_t>(window, i);
    }
}
