// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=3 smp=2 hosts=qemu,bochs
//
// An IPI port: any vCPU of the domain sends, the vCPU it is bound to gets an event and one upcall; several before it
// looks are one. A blocked vCPU is woken, one that is offline finds its events when it starts, whatever page it starts
// with. Expected also: a masked port is remembered without an upcall, event_unmask then raises it, and a port that is
// closed and bound again begins with nothing pending and nothing masked.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constinit std::atomic<uint64_t> phase{0};  // release/acquire
constinit uint32_t to_second = 0;
constinit uint32_t to_third = 0;

void second(uint64_t) {
    check_equal(vcpu_page().upcall_pending, 1, "upcall_pending of a vCPU with events from before its start");
    check_equal(take_event(), to_second, "the event from before the start");
    clear_upcall_pending();
    phase.store(1, std::memory_order_release);
    check_equal(wait_for_event(), to_second, "the event that ends blocking");
    check_equal(take_event(), 0, "further events");
    phase.store(2, std::memory_order_release);
}

void third(uint64_t) {
    check_equal(wait_for_event(), to_third, "an event for a vCPU that was moved to nothing");
    phase.store(4, std::memory_order_release);
}

void coalesce_and_mask() {
    const uint32_t port = bind_ipi(0);
    check_port(port, RINGFOLD_EVENT_IPI, 0, 0, 0, "status of an IPI port");
    for (unsigned count = 0; count < 3; ++count) {
        check_result(send_event(port), 0, 1, "sending to oneself");
    }
    check_equal(vcpu_page().upcall_pending, 1, "upcall_pending after three events");
    enable_upcalls();
    check_equal(this_vcpu().upcalls, 1, "upcalls for three events");
    disable_upcalls();
    check_equal(take_event(), port, "the port of three events");
    check_equal(take_event(), 0, "events left");

    mask(0, port);
    check_result(send_event(port), 0, 1, "sending to a masked port");
    check_equal(vcpu_page().upcall_pending, 0, "upcall_pending after an event of a masked port");
    check_equal(event_area(0).selector, 0, "selector after an event of a masked port");
    check(is_pending(0, port), "a masked port forgot its event");
    check_status(unmask_port(port), 0, "unmasking it");
    check(!is_masked(0, port), "event_unmask left the mask bit");
    check_equal(vcpu_page().upcall_pending, 1, "upcall_pending after unmasking");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_MASK, port), 0, "masking it by a call");
    check(is_masked(0, port), "event_mask did not set the mask bit");

    check_status(close_port(port), 0, "closing it");
    check(!is_pending(0, port), "a closed port is pending");
    check_equal(bind_ipi(0), port, "the lowest free port");
    check(!is_pending(0, port) && !is_masked(0, port), "a new port inherits bits");
    check_status(close_port(port), 0, "closing it again");
    check_status(close_port(port), -RINGFOLD_ENOENT, "closing a free port");
}

}  // namespace

void guest_main() {
    coalesce_and_mask();

    to_second = bind_ipi(1);
    to_third = bind_ipi(2);
    check_result(send_event(to_second), 0, 1, "sending to a vCPU that never ran");
    start_vcpu(1, second);
    wait_for(phase, 1);
    for (const uint64_t end = system_time() + 20 * millisecond; system_time() < end;) {
        relax();
    }
    check_result(hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 1), 0, RINGFOLD_VCPU_BLOCKED, "state before the event");
    check_result(send_event(to_second), 0, 1, "sending to a blocked vCPU");
    wait_for(phase, 2);
    join_vcpu(1);

    // What comes while it is stopped is there when it starts again.
    check_result(send_event(to_second), 0, 1, "sending to a stopped vCPU");
    phase.store(0, std::memory_order_release);
    start_vcpu(1, second);
    wait_for(phase, 1);
    check_result(send_event(to_second), 0, 1, "sending to it once more");
    wait_for(phase, 2);
    join_vcpu(1);

    start_vcpu(2, third);
    check_result(send_event(to_third), 0, 1, "sending to a vCPU that starts");
    wait_for(phase, 4);
    join_vcpu(2);
    check_ports_bound(2, "ports at the end");
}
