// SPDX-License-Identifier: Apache-2.0
// guest: dom0=1 memory=31M rights=0xff
//
// The control domain's frames are machine frames: having given one back, it wants that very one again. Expected:
// memory_populate_at gives it, clear and with its number in the machine-to-physical table, and passes over frames that
// are not free, which it says. Refused: more than the domain's maximum (ENOMEM), what is no frame or not the first of
// an extent (EFAULT), other orders, too many.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t count = 6;

Result populate_at(uint64_t frames, uint64_t order = 0) {
    uint64_t done = 0;
    for (;;) {
        const Result result =
            hypercall(RINGFOLD_HYPERCALL_MEMORY_POPULATE_AT, done * sizeof(uint64_t), frames - done, order);
        done += result.value;
        if (result.status != -RINGFOLD_EAGAIN) {
            return {result.status, done};
        }
    }
}

void release(PhysicalFrame frame) {
    set_entry(find_slot(linear_address(frame)).machine_address, 0);
    invalidate_page(linear_address(frame));
    call_buffer<uint64_t>()[0] = frame.number;
    check_result(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), 0, 1, "releasing a frame");
}

void check_refusals(PhysicalFrame mine) {
    uint64_t *list = call_buffer<uint64_t>();
    check_status(populate_at(513), -RINGFOLD_ERANGE, "513 frames");
    check_status(hypercall(RINGFOLD_HYPERCALL_MEMORY_POPULATE_AT, call_buffer_size, 1, 0), -RINGFOLD_EFAULT,
                 "outside the buffer");
    for (const uint64_t order : Words{1, 8, 10, 0xffff'ffff}) {
        check_status(populate_at(1, order), -RINGFOLD_EINVAL, "an order");
    }
    for (const uint64_t bad : Words{RINGFOLD_NO_FRAME, 1ULL << 40, 0xb8}) {
        list[0] = bad;
        check_status(populate_at(1), -RINGFOLD_EFAULT, "no frame of RAM");
    }
    list[0] = (mine.number & ~511ULL) + 1;
    check_status(populate_at(1, 9), -RINGFOLD_EFAULT, "not the first of an extent");
    list[0] = mine.number;
    check_result(populate_at(1), 0, 1, "a frame that is the domain's");
    check_equal(list[0], RINGFOLD_NO_FRAME, "it is not free");
    list[0] = mine.number & ~511ULL;
    check_result(populate_at(1, 9), 0, 1, "an extent that is the domain's");
    check_equal(list[0], RINGFOLD_NO_FRAME, "it is not free");
}

// A free frame that was never the domain's: `far` behind its last one.
uint64_t foreign_frame() {
    const ringfold_start_info &info = start_info();
    const ringfold_memory_range &last = info.ranges[info.range_count - 1];
    return info.ranges[0].first >= 1024 ? info.ranges[0].first - 512 : last.first + last.count + 512;
}

}  // namespace

void guest_main() {
    PhysicalFrame frames[count];
    for (PhysicalFrame &frame : frames) {
        frame = allocate_frame();
        store<uint64_t>(linear_address(frame) + 8, 0x1234);
    }
    check_refusals(frames[0]);
    uint64_t *list = call_buffer<uint64_t>();
    list[0] = foreign_frame();
    check_result(populate_at(1), -RINGFOLD_ENOMEM, 0, "one more than the domain's maximum");

    constexpr uint64_t kept = 2;  // the domain's all the time, among others
    for (uint64_t index = 0; index < count; ++index) {
        if (index != kept) {
            release(frames[index]);
        }
    }
    for (uint64_t index = 0; index < count; ++index) {
        list[index] = frames[index].number;
    }
    check_result(populate_at(count), 0, count, "all at once");
    for (uint64_t index = 0; index < count; ++index) {
        check_equal(list[index], index == kept ? RINGFOLD_NO_FRAME : frames[index].number, "which were given");
    }
    for (uint64_t index = 0; index < count; ++index) {
        if (index == kept) {
            continue;
        }
        const MachineFrame machine{frames[index].number};
        check_equal(physical_frame(machine).number, machine.number, "the machine-to-physical table");
        map_page(linear_address(frames[index]), entry_for(machine, kernel_data));
        check_equal(load<uint64_t>(linear_address(frames[index]) + 8), 0, "a frame that came back is clear");
        store<uint64_t>(linear_address(frames[index]), index);
    }
    list[0] = foreign_frame();
    check_result(populate_at(1), -RINGFOLD_ENOMEM, 0, "one more than the domain's maximum");
}
