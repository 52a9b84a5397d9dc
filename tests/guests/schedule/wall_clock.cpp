// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xa0 hosts=qemu
//
// The wall clock comes from the machine's clock and can be set by whoever has the right. Expected: a time of this
// century at first; what was set afterwards, for everybody; a refused time changes nothing.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t second = 1'000'000'000;
constexpr uint64_t year = 365 * 24 * 3600 * second;
constexpr uint64_t latest = uint64_t{1} << 62;

Result get() { return hypercall(RINGFOLD_HYPERCALL_WALL_CLOCK_GET); }
Result set(uint64_t value) { return hypercall(RINGFOLD_HYPERCALL_WALL_CLOCK_SET, value); }

}  // namespace

void guest_main() {
    const Result first = get();
    check_equal(static_cast<uint64_t>(first.status), 0, "status");
    check(first.value > 54 * year && first.value < 100 * year, "%lu s since 1970", first.value / second);
    check_status(set(1'234'567'890'123'456'789), 0, "setting it");
    check_result(get(), 0, 1'234'567'890'123'456'789, "what was set");
    check_status(set(latest + 1), -RINGFOLD_ERANGE, "too late");
    check_status(set(~uint64_t{0}), -RINGFOLD_ERANGE, "much too late");
    check_result(get(), 0, 1'234'567'890'123'456'789, "what was set, after a refusal");
    check_status(set(latest), 0, "the latest");
    check_result(get(), 0, latest, "the latest");
}
