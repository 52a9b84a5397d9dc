// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 hosts=qemu,bochs
//
// An event page is memory that the hypervisor writes to: it must be the domain's, no page table, and stay so as long as
// it is registered. The attacks: frames of nobody and of others, a page table as event page, an event page as page
// table, its release, taking it away while it has a port's bits. Expected: the exact error, the frame's counts as
// before.
#include "framework/guest.hpp"

#include <ringfold/debug.h>

using namespace guest;

namespace {

Result set_page(uint64_t vcpu, uint64_t index, uint64_t frame) {
    return hypercall_to_its_end(RINGFOLD_HYPERCALL_EVENT_PAGE_SET, vcpu, index, frame);
}

ringfold_frame_info info_of(MachineFrame frame) {
    const Result result = hypercall(RINGFOLD_HYPERCALL_DEBUG_FRAME, frame.number, 0);
    check_status(result, 0, "asking about a frame");
    return *call_buffer<ringfold_frame_info>();
}

}  // namespace

void guest_main() {
    if (!is_debug_hypervisor()) {
        skip("needs debug_frame");
    }
    const PhysicalFrame page = allocate_frame();
    const MachineFrame frame = machine_frame(page);
    const ringfold_frame_info before = info_of(frame);

    check_status(set_page(2, 0, frame.number), -RINGFOLD_ENOENT, "a page for vCPU 2 of 2");
    check_status(set_page(0, RINGFOLD_EVENT_PAGES, frame.number), -RINGFOLD_ERANGE, "page 16");
    check_status(set_page(0, 0xffff'ffff, frame.number), -RINGFOLD_ERANGE, "page -1");
    check_status(set_page(0, 0, 0), -RINGFOLD_EFAULT, "frame 0");
    check_status(set_page(0, 0, 1ULL << 40), -RINGFOLD_EFAULT, "a frame beyond all memory");
    check_status(set_page(0, 0, ~uint64_t{1}), -RINGFOLD_EFAULT, "a frame number that is nearly none");
    check_status(set_page(0, 0, start_info().root), -RINGFOLD_EBUSY, "a page table");
    check_status(set_page(0, 0, RINGFOLD_NO_FRAME), -RINGFOLD_ENOENT, "taking away what is not there");
    check_equal(info_of(frame).type_count, before.type_count, "uses of the frame after what was refused");

    check_status(set_page(1, 3, frame.number), 0, "a page for a vCPU that never ran");
    check_status(set_page(1, 3, frame.number), -RINGFOLD_EEXIST, "the same again");
    check_status(set_page(1, 3, machine_frame(allocate_frame()).number), -RINGFOLD_EEXIST, "another in its place");
    const ringfold_frame_info held = info_of(frame);
    check_equal(held.type, RINGFOLD_FRAME_WRITABLE, "type of an event page");
    check_equal(held.type_count, before.type_count + 1, "uses of an event page");

    *call_buffer<uint64_t>() = frame.number;
    check_status(hypercall(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), -RINGFOLD_EBUSY, "releasing it");
    *call_buffer<ringfold_page_table_operation>() = {RINGFOLD_PAGE_TABLE_PIN, 1, frame.number, 0, 0};
    check_status(hypercall(RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH, 0, 1), -RINGFOLD_EBUSY, "making it a page table");
    check_equal(info_of(frame).type_count, before.type_count + 1, "uses after both");
    check_status(set_page(1, 3, RINGFOLD_NO_FRAME), 0, "taking it away");
    check_equal(info_of(frame).type_count, before.type_count, "uses after that");

    // A page that has a port's bits stays.
    for (uint32_t port = 1; port < RINGFOLD_EVENT_AREA_PORTS; ++port) {
        bind_ipi(0);
    }
    check_status(set_page(0, 0, frame.number), 0, "page 0");
    const uint32_t last = bind_ipi(0);
    check_equal(last, RINGFOLD_EVENT_AREA_PORTS, "the first port with bits in page 0");
    check_status(set_page(0, 0, RINGFOLD_NO_FRAME), -RINGFOLD_EBUSY, "taking it away from under a port");
    check_equal(info_of(frame).type_count, before.type_count + 1, "uses of a page that stays");
    check_status(close_port(last), 0, "closing the port");
    check_status(set_page(0, 0, RINGFOLD_NO_FRAME), 0, "taking it away");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_IPI, 0), -RINGFOLD_ERANGE, "a port without bits");
    check_status(set_page(0, 0, frame.number), 0, "giving it back: the audit finds it held");
}
