// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// L1TF: a processor with the erratum speculates through a non-present entry to the physical address in it. A
// non-present entry must therefore name no RAM. Refused with EACCES, in tables of all levels and when a table is
// validated: the number of any frame of the machine, the domain's own included, and above L1 the big-page bit even with
// frame 0 (the linear address would supply the rest). Accepted and stored exactly: 0, inverted frame numbers, software
// values in the other bits.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr uint64_t frame_mask = RINGFOLD_ENTRY_FRAME_MASK;

void check_refused(uint64_t address, uint64_t value) {
    const Result result = set_entry(address, value);
    check(result.status == -RINGFOLD_EACCES && result.value == 0, "non-present entry 0x%lx: status %ld", value,
          result.status);
}

}  // namespace

void guest_main() {
    map_page(window, 0);
    const uint64_t own = machine_frame(allocate_frame()).address();
    for (unsigned level = 1; level <= 4; ++level) {
        const Slot slot = find_slot(window + (1ULL << (12 + 9 * (level - 1))), level);
        check_equal(slot.value, 0, "an empty entry");
        for (const uint64_t address : Words{own, uint64_t{0x1000}, uint64_t{0x100000}, uint64_t{64} << 20}) {
            check_refused(slot.machine_address, address);
            check_refused(slot.machine_address, address | RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_USER);
            check_refused(slot.machine_address, address | RINGFOLD_ENTRY_NO_EXECUTE | RINGFOLD_ENTRY_BIG);
        }
        if (level > 1) {
            check_refused(slot.machine_address, RINGFOLD_ENTRY_BIG);
        }
        check_equal(find_slot(window + (1ULL << (12 + 9 * (level - 1))), level).value, 0, "the entry after refusals");
        for (const uint64_t value :
             Words{~own & frame_mask, (~own & frame_mask) | RINGFOLD_ENTRY_WRITABLE, 0xffe & ~RINGFOLD_ENTRY_BIG,
                   RINGFOLD_ENTRY_SOFTWARE, RINGFOLD_ENTRY_NO_EXECUTE, 0}) {
            check_result(set_entry(slot.machine_address, value), 0, 1, "a harmless value");
            check_equal(find_slot(window + (1ULL << (12 + 9 * (level - 1))), level).value, value, "the harmless value");
        }
    }

    uint64_t entries[table_entries] = {};
    entries[300] = own | RINGFOLD_ENTRY_WRITABLE;
    const MachineFrame bad = make_table(entries);
    for (uint32_t level = 1; level <= 4; ++level) {
        check_status(pin(bad, level), -RINGFOLD_EACCES, "pinning a table with an unsafe entry");
    }
    entries[300] = ~own & frame_mask;
    const MachineFrame good = make_table(entries);
    check_result(pin(good, 1), 0, 1, "pinning one with an inverted entry");
    check_result(unpin(good), 0, 1, "unpinning it");
}
