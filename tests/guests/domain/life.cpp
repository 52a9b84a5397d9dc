// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff memory=16M
//
// A domain's life, from nothing to nothing: created, filled, started, ended by itself, destroyed. Expected: its
// description says at each step what is so; the exit code and reason come through; all of its memory is back at the
// end, and its number names nothing any more.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <string_view>

using namespace guest;

namespace {

void check_empty(uint32_t domain) {
    ringfold_domain_info info{};
    check_status(read_domain_info(domain, info), 0, "domain_describe");
    check_equal(info.domain, domain, "its number");
    check_equal(info.state, RINGFOLD_DOMAIN_BUILDING, "state at first");
    check_equal(info.owned_frames, 0, "memory at first");
    check_equal(info.maximum_frames, Child::pages, "most memory");
    check_equal(info.vcpu_count, 1, "vCPUs");
    check_equal(info.vcpus_online, 0, "vCPUs on line");
    check_equal(info.rights, 0, "rights");
    check(std::string_view{info.name} == "child", "name '%s'", info.name);
}

uint32_t live_and_die(uint32_t code) {
    const Result created = create_domain(configuration_of({}));
    check_status({created.status, 0}, 0, "domain_create");
    const auto domain = static_cast<uint32_t>(created.value);
    check_empty(domain);
    check_status(destroy_domain(domain), 0, "destroying it while it is empty");

    const Child child = run_child(child_powers_off, code);
    const ringfold_domain_info info = await_domain_state(child.id, RINGFOLD_DOMAIN_ENDED);
    check_equal(info.shutdown_reason, RINGFOLD_SHUTDOWN_POWER_OFF, "reason");
    check_equal(info.shutdown_code, code, "exit code");
    check_equal(info.owned_frames, Child::pages, "memory is kept until it is destroyed");
    check_status(destroy_domain(child.id), 0, "domain_destroy");
    check_status(destroy_domain(child.id), -RINGFOLD_ENOENT, "destroying it again");
    ringfold_domain_info gone{};
    check_status(read_domain_info(child.id, gone), -RINGFOLD_ENOENT, "describing what is gone");
    return child.id;
}

}  // namespace

void guest_main() {
    const uint32_t first = live_and_die(7);
    const uint32_t second = live_and_die(0);
    check(first != second, "a number is not used again at once: %u, %u", first, second);
    // Each child has eight frames: were one lost each time, a machine of 128 MiB would not last.
    for (unsigned round = 0; round < 200; ++round) {
        const Child child = run_child(child_powers_off, 0);
        check_status(destroy_domain(child.id), 0, "domain_destroy in a row");
    }
}
