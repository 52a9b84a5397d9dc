// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 rights=0x90 timeout=60 hosts=qemu,bochs
//
// A device's line, edge-triggered: the interval timer, which firmware leaves ticking 18 times a second, wired to global
// system interrupt 2 on a PC. Expected: ticks arrive as events, at most one pending; none while the port is closed;
// after a close the line can be bound again, and only then; exact errors for lines that there are not, that are bound,
// bad flags.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t timer_line = 2;  // ISA interrupt 0 by the MADT's override

Result bind(uint64_t gsi, uint64_t flags, uint64_t vcpu) {
    return hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_PHYSICAL, gsi, flags, vcpu);
}

void expect_tick(uint32_t port) {
    check_equal(wait_for_event(), port, "a tick");
    check_equal(take_event(), 0, "a second event of one tick");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_END_OF_INTERRUPT, port), 0, "the end of an edge");
}

}  // namespace

void guest_main() {
    check_status(bind(timer_line, 4, 0), -RINGFOLD_EINVAL, "a flag that there is not");
    check_status(bind(timer_line, 0, 2), -RINGFOLD_ENOENT, "vCPU 2 of 2");
    check_status(bind(1000, 0, 0), -RINGFOLD_ENOENT, "a line that there is not");
    check_status(bind(0xffff'ffff, 0, 0), -RINGFOLD_ENOENT, "line -1");
    check_status(bind(4, 0, 0), -RINGFOLD_EEXIST, "the line of the serial port, which is the hypervisor's");
    check_ports_bound(0, "ports after what was refused");

    const Result bound = bind(timer_line, 0, 0);
    check_result(bound, 0, 1, "binding the timer's line");
    const auto port = static_cast<uint32_t>(bound.value);
    check_port(port, RINGFOLD_EVENT_PHYSICAL, 0, 0, timer_line, "its status");
    check_status(bind(timer_line, 0, 1), -RINGFOLD_EEXIST, "binding it twice");
    check_ports_bound(1, "ports after it");
    check_status(send_event(port), -RINGFOLD_EINVAL, "sending on it");
    for (unsigned tick = 0; tick < 4; ++tick) {
        expect_tick(port);
    }

    check_status(close_port(port), 0, "closing it");
    const uint64_t end = system_time() + 200 * millisecond;
    arm_timer(200 * millisecond);
    while (system_time() < end) {
        hypercall(RINGFOLD_HYPERCALL_BLOCK);
        disable_upcalls();
    }
    check_equal(take_event(), 0, "a tick of a closed port");
    check_result(bind(timer_line, 0, 0), 0, port, "binding it again");
    expect_tick(port);
}
