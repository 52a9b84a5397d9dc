// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// A hypercall number that is not in the table gives -ENOSYS and a zero second result, whatever the arguments: the
// numbers around the table's end, around the gate calls, and those that are only equal to a known one in their low 8 to
// 32 bits. RAX is 64 bits wide: none of them may reach a handler. The counter of unknown numbers counts them.
#include "framework/guest.hpp"

#include <ringfold/debug.h>

using namespace guest;

namespace {

constexpr uint64_t numbers[] = {
    RINGFOLD_HYPERCALL_COUNT,
    RINGFOLD_HYPERCALL_COUNT + 1,
    RINGFOLD_HYPERCALL_COUNT + 2,
    0x7f,
    0xff,
    RINGFOLD_GATE_INVALIDATE_PAGE - 1,
    RINGFOLD_GATE_FLUSH + 1,
    0x1ff,
    0x200,
    0x10000,
    0x7fff'ffff,
    0x8000'0000,
    0xffff'ffff,
    0x1'0000'0000,  // 0 in 32 bits: version
    0x1'0000'0000 | RINGFOLD_HYPERCALL_SHUTDOWN,
    0x1'0000'0000 | RINGFOLD_GATE_FLUSH,
    0x8000'0000'0000'0000,
    0xffff'ffff'ffff'fff7,  // -9
    ~uint64_t{0},
};

uint64_t unknown_calls() {
    hypercall(RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ, RINGFOLD_DOMAIN_SELF, 0);
    return call_buffer<ringfold_counters>()->hypercalls[127];
}

}  // namespace

void guest_main() {
    const uint64_t before = unknown_calls();
    for (const uint64_t number : numbers) {
        const Result result = hypercall(number, 2, 255, 7);
        check(result.status == -RINGFOLD_ENOSYS && result.value == 0, "number 0x%lx: status %ld value 0x%lx", number,
              result.status, result.value);
    }
    check_equal(unknown_calls() - before, sizeof numbers / sizeof numbers[0], "calls counted as unknown");
}
