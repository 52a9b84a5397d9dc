// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// PIN validates a frame as a table of a level and keeps it so; UNPIN lets go. Expected: all four levels can be pinned;
// a pinned frame cannot be pinned again (EEXIST) or as another level, an unpinned one not unpinned (ENOENT); levels 0,
// 5 and above are EINVAL; a frame that is not the domain's is EFAULT; after UNPIN the frame is ordinary memory again.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t absurd_frames[] = {1ULL << 40, (1ULL << 52) - 1, RINGFOLD_NO_FRAME, 0};

void check_level(uint32_t level, uint64_t first_entry) {
    uint64_t entries[table_entries] = {first_entry};
    const MachineFrame table = make_table(entries);
    check_status(unpin(table), -RINGFOLD_ENOENT, "unpinning what is not pinned");
    check_result(pin(table, level), 0, 1, "pinning");
    check_status(pin(table, level), -RINGFOLD_EEXIST, "pinning again");
    for (uint32_t other = 1; other <= 4; ++other) {
        if (other != level) {
            const Result result = pin(table, other);
            check(result.value == 0 && (result.status == -RINGFOLD_EBUSY || result.status == -RINGFOLD_EEXIST),
                  "pinning an L%u as L%u: status %ld", level, other, result.status);
        }
    }
    const Slot mapping = find_slot(linear_address(table));
    check_status(set_entry(mapping.machine_address, entry_for(table, kernel_data)), -RINGFOLD_EBUSY,
                 "mapping it writable");
    check_equal(find_slot(linear_address(table)).value, mapping.value, "its mapping");

    check_result(unpin(table), 0, 1, "unpinning");
    check_status(unpin(table), -RINGFOLD_ENOENT, "unpinning again");
    map_initially(table, kernel_data);
    store<uint64_t>(linear_address(table), 5);
    check_equal(load<uint64_t>(linear_address(table)), 5, "the frame is ordinary memory again");
}

}  // namespace

void guest_main() {
    const MachineFrame page = machine_frame(allocate_frame());
    const MachineFrame l1 = make_table();
    const MachineFrame l2 = make_table();
    const MachineFrame l3 = make_table();
    check_level(1, entry_for(page, user_data));
    check_level(2, entry_for(l1, table_flags));
    check_level(3, entry_for(l2, table_flags));
    check_level(4, entry_for(l3, table_flags));

    const MachineFrame table = make_table();
    for (const uint32_t level : {0U, 5U, 6U, 0x8000'0001U, ~0U}) {
        check_status(pin(table, level), -RINGFOLD_EINVAL, "no such level");
    }
    check_status(pin(page, 1), -RINGFOLD_EBUSY, "pinning a frame that is mapped writable");
    for (const uint64_t number : absurd_frames) {
        check_status(pin({number}, 1), -RINGFOLD_EFAULT, "pinning a frame that is not the domain's");
        check_status(unpin({number}), -RINGFOLD_EFAULT, "unpinning a frame that is not the domain's");
    }
    check_result(pin(table, 1), 0, 1, "the frame is still usable");
    check_result(unpin(table), 0, 1, "and unpinned");
}
