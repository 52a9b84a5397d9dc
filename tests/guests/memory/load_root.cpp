// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// LOAD_ROOT switches address spaces. Two roots map different frames at one address: after each switch the right one is
// read, with FLUSH and, where nothing changed meanwhile, with KEEP. Refused with the old root still running: a frame
// that is no L4 and cannot become one, a frame of nobody, an unknown mode. A running root cannot be given another use.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;

MachineFrame root_with(uint64_t mark) {
    const PhysicalFrame page = allocate_frame();
    store<uint64_t>(linear_address(page), mark);
    const MachineFrame root = make_root();
    check_result(pin(root, 4), 0, 1, "pinning a root");
    check_result(load_root(root), 0, 1, "loading it");
    map_page(window, entry_for(machine_frame(page), user_data));
    return root;
}

}  // namespace

void guest_main() {
    const MachineFrame original = this_vcpu().root;
    const MachineFrame first = root_with(1);
    const MachineFrame second = root_with(2);

    for (unsigned round = 0; round < 20; ++round) {
        for (const uint64_t mode : Words{RINGFOLD_ROOT_FLUSH, RINGFOLD_ROOT_KEEP}) {
            check_result(load_root(first, mode), 0, 1, "the first root");
            check_equal(load<uint64_t>(window), 1, "its page");
            check_result(load_root(second, mode), 0, 1, "the second root");
            check_equal(load<uint64_t>(window), 2, "its page");
        }
    }
    check_result(load_root(original), 0, 1, "the original root");
    check_equal(catch_entry([] { load<uint64_t>(window); }).frame.vector, page_fault, "it maps nothing there");
    check_result(load_root(first), 0, 1, "the first root again");

    const MachineFrame data = machine_frame(allocate_frame());
    const MachineFrame l1 = make_table();
    check_result(pin(l1, 1), 0, 1, "pinning an L1");
    check_status(load_root(data), -RINGFOLD_EBUSY, "loading a frame that is mapped writable");
    check_status(load_root(l1), -RINGFOLD_EBUSY, "loading an L1");
    check_status(load_root({1ULL << 40}), -RINGFOLD_EFAULT, "loading a frame of nobody");
    check_status(load_root(first, 2), -RINGFOLD_EINVAL, "an unknown mode");
    check_equal(load<uint64_t>(window), 1, "the root that runs");

    check_result(unpin(first), 0, 1, "unpinning the running root");
    check_status(set_entry(find_slot(linear_address(first)).machine_address, entry_for(first, kernel_data)),
                 -RINGFOLD_EBUSY, "mapping the running root writable");
    *call_buffer<uint64_t>() = first.number;
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), -RINGFOLD_EBUSY,
                 "releasing the running root");
    check_equal(load<uint64_t>(window), 1, "the root that runs, unpinned");
    check_result(load_root(original), 0, 1, "leaving it");
    map_initially(first, kernel_data);
    store<uint64_t>(linear_address(first), 0);
    check_result(unpin(second), 0, 1, "unpinning the second root");
}
