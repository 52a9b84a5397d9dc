// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// The call buffer and the console's use of it. Refused: page indices above 15, frames of nobody, ranges that touch an
// unregistered page or overflow, more than 4096 bytes. Accepted: a range over two pages that lie anywhere in memory,
// taken apart and put together again. After unregistering, the page is out of the hypervisor's reach.
#include "framework/guest.hpp"

using namespace guest;

namespace {

Result set_page(uint64_t index, uint64_t frame) {
    return hypercall_to_its_end(RINGFOLD_HYPERCALL_CALL_BUFFER_SET, index, frame);
}
Result write(uint64_t offset, uint64_t length) { return hypercall(RINGFOLD_HYPERCALL_CONSOLE_WRITE, offset, length); }

}  // namespace

void guest_main() {
    const PhysicalFrame first = allocate_frame();
    allocate_frame();
    const PhysicalFrame second = allocate_frame();
    const uint64_t frame = machine_frame(first).number;
    for (const uint64_t index : Words{16, 17, 0xffff'ffff}) {
        check_status(set_page(index, frame), -RINGFOLD_ERANGE, "an index above 15");
    }
    for (const uint64_t nobody : Words{0, 1ULL << 40, 1ULL << 52, RINGFOLD_NO_FRAME - 1}) {
        check_status(set_page(14, nobody), -RINGFOLD_EFAULT, "a frame of nobody");
    }

    check_status(write(14 * page_size, 1), -RINGFOLD_EFAULT, "an unregistered page");
    check_status(set_page(14, frame), 0, "registering page 14");
    check_status(set_page(15, machine_frame(second).number), 0, "registering page 15");
    const char text[] = "across two pages\n";
    constexpr uint64_t length = sizeof text - 1;
    constexpr uint64_t split = 6;
    for (uint64_t i = 0; i < length; ++i) {
        const bool in_first = i < split;
        store(in_first ? linear_address(first) + page_size - split + i : linear_address(second) + i - split, text[i]);
    }
    check_result(write(15 * page_size - split, length), 0, length, "a range over two pages");
    check_result(write(14 * page_size, 0), 0, 0, "no bytes");
    check_status(write(14 * page_size, 4097), -RINGFOLD_ERANGE, "4097 bytes");
    check_status(write(15 * page_size + 8, 4095), -RINGFOLD_EFAULT, "past page 15");
    check_status(write(13 * page_size + 4090, 8), -RINGFOLD_EFAULT, "from an unregistered page on");
    check_status(write(~uint64_t{0} - 3, 8), -RINGFOLD_EFAULT, "a range that wraps");
    check_status(write(16 * page_size, 1), -RINGFOLD_EFAULT, "behind all pages");
    check_status(write(1ULL << 32 | 14 * page_size, 1), -RINGFOLD_EFAULT, "an offset that is right in 32 bits only");

    check_status(set_page(15, RINGFOLD_NO_FRAME), 0, "unregistering page 15");
    check_status(set_page(15, RINGFOLD_NO_FRAME), 0, "unregistering it again");
    check_status(write(15 * page_size - split, length), -RINGFOLD_EFAULT, "a range over the unregistered page");
    check_status(set_page(14, machine_frame(second).number), 0, "replacing page 14");
    set_entry(find_slot(linear_address(first)).machine_address, 0);
    *call_buffer<uint64_t>() = frame;
    check_result(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), 0, 1, "releasing the replaced frame");
    check_status(set_page(14, RINGFOLD_NO_FRAME), 0, "unregistering page 14");
}
