// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x90 hosts=qemu,bochs
//
// A message-signalled interrupt is a port and what the device has to write. Expected: messages address a local APIC and
// differ in their vector, none below the devices' vectors; the port has its kind, cannot be sent on and has no line to
// end; a call that is refused binds nothing; vectors run out with an error, and are there again when ports are closed.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t apic_window = 0xfee0'0000;
constexpr unsigned lowest_vector = 0x30;
constexpr unsigned vectors = 256;

Result bind_message(uint64_t vcpu, uint64_t offset) {
    return hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_MESSAGE, vcpu, offset);
}

}  // namespace

void guest_main() {
    check_status(bind_message(1, 0), -RINGFOLD_ENOENT, "for no vCPU");
    check_status(bind_message(0, call_buffer_size - 8), -RINGFOLD_EFAULT, "no room for the answer");
    check_ports_bound(0, "ports after refusals");

    check_result(bind_message(0, 64), 0, 1, "the first message");
    const ringfold_event_message first = *call_buffer<ringfold_event_message>(64);
    check_equal(first.address & ~0xff000ULL, apic_window, "where it is written");
    check(first.data >= lowest_vector && first.data < vectors && first.reserved == 0, "data 0x%x", first.data);
    check_port(1, RINGFOLD_EVENT_MESSAGE, 0, 0, 0, "status of the port");
    check_status(send_event(1), -RINGFOLD_EINVAL, "sending on it");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_END_OF_INTERRUPT, 1), -RINGFOLD_EINVAL, "the end of a message");

    bool seen[vectors] = {};
    seen[first.data] = true;
    uint32_t bound = 1;
    Result next{};
    for (; (next = bind_message(0, 0)).status == 0; ++bound) {
        const uint32_t vector = call_buffer<ringfold_event_message>()->data;
        check(vector < vectors && !seen[vector], "vector 0x%x is another's", vector);
        seen[vector % vectors] = true;
    }
    check_status(next, -RINGFOLD_EOVERFLOW, "no vector is left");
    check(bound > 100, "%u vectors", bound);
    check_ports_bound(bound, "ports");
    for (uint32_t port = 1; port <= bound; ++port) {
        check_status(close_port(port), 0, "closing it");
    }
    check_ports_bound(0, "ports at the end");
    check_result(bind_message(0, 0), 0, 1, "a message after all were closed");
}
