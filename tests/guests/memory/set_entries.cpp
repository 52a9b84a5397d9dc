// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// The plain uses of SET: map a frame, remap it, make it read-only, unmap it, with tables made on the way from free
// frames. Expected: the entry holds exactly what was asked, the memory behind it follows after a flush, the frame's
// counts follow each step, and SET_KEEP_ACCESSED_DIRTY keeps the bits that the processor set, for the same frame only.
#include "framework/guest.hpp"

#include <ringfold/debug.h>

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'1234'5678'9000;
constexpr uint64_t accessed_dirty = RINGFOLD_ENTRY_ACCESSED | RINGFOLD_ENTRY_DIRTY;

void check_counts(MachineFrame frame, uint64_t type, uint64_t type_count, const char *what) {
    if (!is_debug_hypervisor()) {
        return;
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_DEBUG_FRAME, frame.number, 0), 0, what);
    const ringfold_frame_info info = *call_buffer<ringfold_frame_info>();
    check(info.type_count == type_count && (type_count == 0 || info.type == type), "%s: type %u count %lu", what,
          info.type, info.type_count);
}

void check_set(uint64_t entry, const char *what) {
    const Slot slot = find_slot(window);
    check_result(set_entry(slot.machine_address, entry), 0, 1, what);
    check_equal(find_slot(window).value, entry, what);
    invalidate_page(window);
}

}  // namespace

void guest_main() {
    const PhysicalFrame first = allocate_frame();
    const PhysicalFrame second = allocate_frame();
    const MachineFrame machine = machine_frame(first);
    check_counts(machine, RINGFOLD_FRAME_WRITABLE, 1, "a frame with its initial mapping");

    map_page(window, entry_for(machine, user_data));
    store<uint64_t>(window, 0x77);
    check_equal(load<uint64_t>(linear_address(first)), 0x77, "a word written through the new mapping");
    check_counts(machine, RINGFOLD_FRAME_WRITABLE, 2, "mapped writable twice");

    check_set(entry_for(machine, user_read_only), "making it read-only");
    check_equal(load<uint64_t>(window), 0x77, "reading it");
    check_equal(catch_entry([] { store<uint64_t>(window, 1); }).frame.vector, page_fault, "writing it");
    check_counts(machine, RINGFOLD_FRAME_WRITABLE, 1, "mapped writable once");

    check_set(entry_for(machine_frame(second), user_data), "naming another frame");
    check_equal(load<uint64_t>(window), 0, "the other frame");
    check_set(0, "unmapping it");
    check_equal(catch_entry([] { load<uint64_t>(window); }).frame.vector, page_fault, "reading nothing");
    check_counts(machine_frame(second), RINGFOLD_FRAME_WRITABLE, 1, "only its initial mapping is left");

    const uint64_t fresh = entry_for(machine, user_data) & ~accessed_dirty;
    check_set(fresh, "mapping without accessed and dirty");
    store<uint64_t>(window, 2);
    check_equal(find_slot(window).value, fresh | accessed_dirty, "the processor set accessed and dirty");
    const uint64_t address = find_slot(window).machine_address;
    check_result(set_entry_keeping(address, fresh & ~RINGFOLD_ENTRY_WRITABLE), 0, 1, "keeping them");
    check_equal(find_slot(window).value, (fresh & ~RINGFOLD_ENTRY_WRITABLE) | accessed_dirty, "kept");
    const uint64_t other = entry_for(machine_frame(second), user_data) & ~accessed_dirty;
    check_result(set_entry_keeping(address, other), 0, 1, "with another frame");
    check_equal(find_slot(window).value, other, "not kept for another frame");
}
