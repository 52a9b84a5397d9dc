// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x90 hosts=qemu,bochs
//
// Who may use hardware learns what the firmware says of physical memory. Expected: ranges that do not wrap, read in
// parts as at once; nothing behind the last; an answer that does not fit into the call buffer is refused and nothing is
// written.
#include "framework/guest.hpp"

#include <ringfold/platform.h>

using namespace guest;

namespace {

constexpr uint64_t most = page_size / sizeof(ringfold_machine_range);
constexpr uint64_t poison = 0xa5a5'a5a5'a5a5'a5a5;

Result read_ranges(uint64_t first, uint64_t offset, uint64_t count) {
    return hypercall(RINGFOLD_HYPERCALL_MACHINE_MEMORY_READ, first, offset, count);
}

}  // namespace

void guest_main() {
    ringfold_machine_range all[most];
    const Result whole = read_ranges(0, 0, most);
    check(whole.status == 0 && whole.value > 2 && whole.value < most, "%lu ranges, status %ld", whole.value,
          whole.status);
    uint64_t available = 0;
    for (uint64_t index = 0; index < whole.value; ++index) {
        all[index] = call_buffer<ringfold_machine_range>()[index];
        const ringfold_machine_range &range = all[index];
        check(range.size > 0 && range.begin + range.size > range.begin, "range %lu: 0x%lx + 0x%lx", index, range.begin,
              range.size);
        check(range.type >= RINGFOLD_MEMORY_AVAILABLE && range.type <= RINGFOLD_MEMORY_DEFECTIVE, "type %u",
              range.type);
        check_equal(range.reserved, 0, "reserved");
        available += range.type == RINGFOLD_MEMORY_AVAILABLE ? range.size : 0;
    }
    check(available > start_info().frame_count * page_size, "0x%lx bytes of RAM", available);
    for (uint64_t index = 0; index < whole.value; ++index) {
        check_result(read_ranges(index, 8, 1), 0, 1, "one range");
        check_equal(call_buffer<ringfold_machine_range>(8)->begin, all[index].begin, "where it begins");
    }
    for (const uint64_t first : Words{whole.value, whole.value + 1, 0xffff'ffff}) {
        *call_buffer<uint64_t>() = poison;
        check_result(read_ranges(first, 0, most), 0, 0, "behind the last range");
        check_equal(*call_buffer<uint64_t>(), poison, "the buffer");
    }
    *call_buffer<uint64_t>() = poison;
    check_result(read_ranges(0, 0, 0), 0, 0, "no ranges");
    check_equal(*call_buffer<uint64_t>(), poison, "the buffer");
    check_status(read_ranges(0, call_buffer_size - 8, 1), -RINGFOLD_EFAULT, "past the call buffer");
    check_status(read_ranges(0, ~0ULL - 8, most), -RINGFOLD_EFAULT, "an offset that wraps");
}
