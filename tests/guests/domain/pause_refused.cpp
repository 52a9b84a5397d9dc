// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x83 beside=hello hosts=qemu,bochs
//
// What pausing refuses: oneself (nobody could take it back), nobody, a domain that may do more, unpausing what is not
// paused, waiting for a pause that does not count, the 256th pause, a domain that has ended. Expected: the exact error,
// and the number of pauses unchanged.
#include "framework/child.hpp"
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint32_t nobody = 4000;

Result pause_once(uint64_t domain, uint64_t counted = 0) {
    return hypercall(RINGFOLD_HYPERCALL_DOMAIN_PAUSE, domain, counted);
}

uint32_t pauses_of(uint32_t domain) {
    ringfold_domain_info info{};
    check_status(read_domain_info(domain, info), 0, "domain_describe");
    return info.pauses;
}

}  // namespace

void guest_main() {
    const uint32_t self = start_info().domain_id;
    for (const uint32_t own : {self, RINGFOLD_DOMAIN_SELF}) {
        check_status(pause_once(own), -RINGFOLD_EINVAL, "pausing oneself");
        check_status(unpause_domain(own), -RINGFOLD_EINVAL, "unpausing oneself");
    }
    check_equal(pauses_of(RINGFOLD_DOMAIN_SELF), 0, "one's own pauses");
    check_status(pause_once(nobody), -RINGFOLD_ENOENT, "pausing nobody");
    check_status(unpause_domain(nobody), -RINGFOLD_ENOENT, "unpausing nobody");
    check_status(pause_once(1ULL << 32), -RINGFOLD_ERANGE, "a number of 33 bits");

    const Child child = run_child(child_blocks_for_ever);
    check_status(unpause_domain(child.id), -RINGFOLD_EINVAL, "unpausing what is not paused");
    check_status(pause_once(child.id, 1), -RINGFOLD_EINVAL, "waiting for a pause that is not there");
    check_status(pause_once(child.id, 2), -RINGFOLD_EINVAL, "counted 2");
    check_status(pause_once(child.id, 1ULL << 32), -RINGFOLD_ERANGE, "counted 2^32");
    check_equal(pauses_of(child.id), 0, "pauses after what was refused");

    for (unsigned count = 1; count <= RINGFOLD_DOMAIN_PAUSES_MAX; ++count) {
        check_result(pause_domain(child.id), 0, 1, "a pause within the limit");
    }
    check_status(pause_once(child.id), -RINGFOLD_EOVERFLOW, "one too many");
    check_equal(pauses_of(child.id), RINGFOLD_DOMAIN_PAUSES_MAX, "pauses at the limit");
    check_result(pause_once(child.id, 1), 0, 1, "waiting once more");
    check_equal(pauses_of(child.id), RINGFOLD_DOMAIN_PAUSES_MAX, "pauses after waiting");
    check_result(unpause_domain(child.id), 0, RINGFOLD_DOMAIN_PAUSES_MAX - 1, "unpausing it");
    check_result(pause_domain(child.id), 0, 1, "pausing it again");

    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SHUTDOWN, child.id, RINGFOLD_SHUTDOWN_CRASH, 0), 0, "shutdown");
    await_domain_state(child.id, RINGFOLD_DOMAIN_ENDED);
    check_status(pause_once(child.id), -RINGFOLD_EBUSY, "pausing what has ended");
    check_status(unpause_domain(child.id), -RINGFOLD_EINVAL, "unpausing what has ended");
    check_status(destroy_domain(child.id), 0, "destroying it");
    check_status(pause_once(child.id), -RINGFOLD_ENOENT, "pausing what is gone");
}
