// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x83 memory=16M machine=256
//
// Free memory is set aside for a domain before it is built, so that of two builders who have room for one, one knows at
// once. Expected: what one domain has claimed counts as free no more and is refused to a second one's claim and to its
// population, with nothing lost, and is given to the first; a claim can be replaced and given up, and goes with its
// domain. Refused: claims for nobody and oneself, beyond the domain's maximum, and beyond what is free.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <ringfold/debug.h>

using namespace guest;

namespace {

constexpr uint64_t plenty = 1ULL << 30;  // frames

uint64_t free_frames() {
    check_status(hypercall(RINGFOLD_HYPERCALL_COUNTERS_READ, 0), 0, "counters_read");
    return call_buffer<ringfold_counters>()->free_frames;
}

uint32_t make_domain(uint64_t maximum) {
    const Result created = create_domain(configuration_of({.name = "one", .maximum_frames = maximum}));
    check_status({created.status, 0}, 0, "domain_create");
    return static_cast<uint32_t>(created.value);
}

Result claim(uint32_t domain, uint64_t frames) { return hypercall(RINGFOLD_HYPERCALL_DOMAIN_CLAIM, domain, frames); }

void check_refusals(uint32_t domain) {
    check_status(claim(start_info().domain_id, 1), -RINGFOLD_EINVAL, "oneself by number");
    check_status(claim(RINGFOLD_DOMAIN_SELF, 1), -RINGFOLD_EINVAL, "oneself");
    check_status(claim(4000, 1), -RINGFOLD_ENOENT, "nobody");
    check_status(claim(domain, plenty + 1), -RINGFOLD_ERANGE, "more than its maximum");
    check_status(claim(domain, ~0ULL), -RINGFOLD_ERANGE, "no number of frames");
    check_status(claim(domain, plenty), -RINGFOLD_ENOMEM, "more than the machine has");
}

}  // namespace

void guest_main() {
    const uint32_t first = make_domain(plenty);
    const uint32_t second = make_domain(plenty);
    const uint64_t free = free_frames();
    check_refusals(first);
    check_equal(free_frames(), free, "refused claims set nothing aside");

    const uint64_t most = free - 8;
    check_status(claim(first, most), 0, "a claim for nearly all");
    check_equal(free_frames(), 8, "free frames beside it");
    check_status(claim(second, most), -RINGFOLD_ENOMEM, "the same for another");
    check_status(claim(second, 9), -RINGFOLD_ENOMEM, "one more than there is");
    check_result(populate_domain(second, 1, 9), -RINGFOLD_ENOMEM, 0, "an extent that was claimed");
    check_result(populate_domain(second, 16), -RINGFOLD_ENOMEM, 8, "frames that are nobody's, and no more");
    check_result(populate_domain(first, 2, 9), 0, 2, "extents for who has claimed them");
    check_result(populate_domain(first, 16), 0, 16, "frames for who has claimed them");
    check_status(claim(first, most), -RINGFOLD_ENOMEM, "more than is left");
    check_equal(free_frames(), 0, "free frames beside what is left of the claim");

    check_status(claim(first, 100), 0, "a smaller claim");
    check_equal(free_frames(), most - 1040 - 100, "what it gave up");
    check_status(claim(second, 200), 0, "a second one");
    check_status(claim(second, 0), 0, "none any more");
    check_equal(free_frames(), most - 1040 - 100, "what it gave up");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_MAXIMUM_SET, second, 8), 0, "domain_maximum_set");
    check_status(claim(second, 1), -RINGFOLD_ERANGE, "a claim of one that has all it may own");

    check_status(destroy_domain(first), 0, "destroying one with a claim");
    check_status(destroy_domain(second), 0, "destroying the other");
    check(free_frames() >= free, "%lu of %lu frames are free again", free_frames(), free);
}
