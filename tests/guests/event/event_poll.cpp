// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 hosts=qemu,bochs
//
// event_poll waits for ports without an upcall. The attacks: a port that is not bound (XSA-221: that crashed the host),
// one that another vCPU serves, too many, a list outside the call buffer. Expected: the exact error, at once. A port
// that is pending, masked or not, ends the wait; so does the deadline; and the wait takes no event, raises no upcall
// and leaves the virtual interrupt flag as it was.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constinit std::atomic<uint64_t> phase{0};  // release/acquire
constinit uint32_t own = 0;
constinit uint32_t masked = 0;
constinit uint32_t others = 0;

Result poll(uint64_t offset, uint64_t count, uint64_t deadline) {
    return hypercall(RINGFOLD_HYPERCALL_EVENT_POLL, offset, count, deadline);
}

void refusals() {
    for (const uint64_t unbound : Words{0, 9, RINGFOLD_EVENT_PORTS - 1, RINGFOLD_EVENT_PORTS, 0xffff'ffff}) {
        const uint32_t ports[] = {own, static_cast<uint32_t>(unbound)};
        check_status(poll_ports(ports, 2), -RINGFOLD_ENOENT, "polling a port that is not bound");
    }
    check_status(poll_ports(&others, 1), -RINGFOLD_EACCES, "polling another vCPU's port");
    check_status(poll(0, RINGFOLD_EVENT_POLL_MAX + 1, 0), -RINGFOLD_ERANGE, "polling 17 ports");
    check_status(poll(0, 0xffff'ffff, 0), -RINGFOLD_ERANGE, "polling 2^32 - 1 ports");
    check_status(poll(call_buffer_size - 4, 2, 0), -RINGFOLD_EFAULT, "a list that leaves the call buffer");
    check_status(poll(~uint64_t{3}, 1, 0), -RINGFOLD_EFAULT, "a list that wraps round");
}

// Waits until `port` is pending, without an upcall; polls again when it returns early.
void poll_until_pending(uint32_t port) {
    const uint64_t deadline = system_time() + 5000 * millisecond;
    while (!is_pending(0, port)) {
        check_status(poll_ports(&port, 1, deadline), 0, "polling");
        if (system_time() > deadline) {
            fatal_failure("port %u does not become pending", port);
        }
    }
    check_equal(this_vcpu().upcalls, 0, "upcalls while polling");
    check_equal(vcpu_page().interrupt_flag, 0, "the virtual interrupt flag after polling");
    check(take_pending(0, port), "polling took the event");
}

void sender(uint64_t) {
    for (const uint32_t port : {own, masked}) {
        while (port_status(port).kind != RINGFOLD_EVENT_IPI ||
               hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 0).value != RINGFOLD_VCPU_BLOCKED) {
            hypercall(RINGFOLD_HYPERCALL_YIELD);
        }
        check_result(send_event(port), 0, 1, "sending to a vCPU that polls");
        wait_for(phase, port);
    }
}

}  // namespace

void guest_main() {
    own = bind_ipi(0);
    masked = bind_ipi(0);
    others = bind_ipi(1);
    mask(0, masked);
    refusals();

    check_result(send_event(masked), 0, 1, "sending to oneself");
    check_status(poll_ports(&masked, 1), 0, "polling what is pending and masked, without a deadline");
    check(take_pending(0, masked), "polling took the event");
    check_equal(vcpu_page().upcall_pending, 0, "upcall_pending after all that");

    const uint64_t begin = system_time();
    check_status(poll_ports(&own, 1, begin + 20 * millisecond), 0, "polling until the deadline");
    check(system_time() >= begin + 20 * millisecond, "it returned %lu ns early",
          begin + 20 * millisecond - system_time());
    check_status(poll_ports(&own, 1, 1), 0, "a deadline in the past");
    check_status(poll(0, 0, system_time() + millisecond), 0, "polling nothing");
    check_equal(vcpu_page().upcall_pending, 0, "upcall_pending after deadlines");

    // With an upcall pending that may not be delivered, it waits all the same.
    vcpu_page().upcall_pending = 1;
    const uint64_t second_begin = system_time();
    check_status(poll_ports(&own, 1, second_begin + 20 * millisecond), 0, "polling with an upcall held back");
    check(system_time() >= second_begin + 20 * millisecond, "an upcall that is held back ended the wait");
    vcpu_page().upcall_pending = 0;

    start_vcpu(1, sender);
    poll_until_pending(own);
    phase.store(own, std::memory_order_release);
    poll_until_pending(masked);
    phase.store(masked, std::memory_order_release);
    join_vcpu(1);
    check_ports_bound(3, "ports at the end");
}
