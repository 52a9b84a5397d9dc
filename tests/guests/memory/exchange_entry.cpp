// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// An exchange tells the entry that it replaced as it was then: with the accessed and dirty bits that the processor had
// set just before. A refused one changes neither the entry nor the operation, and neither does one behind it.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'1234'5678'9000;
constexpr uint64_t accessed_dirty = RINGFOLD_ENTRY_ACCESSED | RINGFOLD_ENTRY_DIRTY;
constexpr uint64_t untouched = 0x5555'aaaa;

Result exchange(uint64_t address, uint64_t value) {
    return apply({RINGFOLD_PAGE_TABLE_EXCHANGE, 0, address, value, untouched});
}
uint64_t told(uint64_t number = 0) { return call_buffer<ringfold_page_table_operation>()[number].mask; }

}  // namespace

void guest_main() {
    const MachineFrame frame = machine_frame(allocate_frame());
    const uint64_t fresh = entry_for(frame, user_data) & ~accessed_dirty;
    map_page(window, fresh);
    const uint64_t address = find_slot(window).machine_address;

    store<uint64_t>(window, 1);
    check_result(exchange(address, fresh), 0, 1, "exchanging what was written through");
    check_equal(told(), fresh | accessed_dirty, "the bits that the processor had set");
    invalidate_page(window);
    load<uint64_t>(window);

    const uint64_t refused = entry_for(this_vcpu().root, user_data);
    check_result(exchange(address, refused), -RINGFOLD_EBUSY, 0, "a writable mapping of a page table");
    check_equal(told(), untouched, "the refused operation");
    check_equal(find_slot(window).value, fresh | RINGFOLD_ENTRY_ACCESSED, "the entry");

    auto *const operations = call_buffer<ringfold_page_table_operation>();
    operations[0] = {RINGFOLD_PAGE_TABLE_EXCHANGE, 0, address, 0, untouched};
    operations[1] = {RINGFOLD_PAGE_TABLE_EXCHANGE, 0, address, refused, untouched};
    operations[2] = {RINGFOLD_PAGE_TABLE_EXCHANGE, 0, address, fresh, untouched};
    check_result(apply_batch(3), -RINGFOLD_EBUSY, 1, "three, of which the second is refused");
    check_equal(told(0), fresh | RINGFOLD_ENTRY_ACCESSED, "what the first replaced");
    check_equal(told(1), untouched, "the refused one");
    check_equal(told(2), untouched, "the one behind it");
    check_equal(find_slot(window).value, 0, "the entry is the first one's");
    invalidate_page(window);
}
