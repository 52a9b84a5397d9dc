// SPDX-License-Identifier: Apache-2.0
//
// Event channels: the calls, and the event words of any vCPU of the domain, read and written as ringfold/event.h says.
#pragma once

#include "framework/frame_numbers.hpp"
#include "framework/hypercall.hpp"

#include <ringfold/domain.h>
#include <ringfold/event.h>

#include <cstdint>

namespace guest {

// A bind that must succeed: the port.
uint32_t offer_port(uint32_t remote, uint32_t vcpu = 0);
uint32_t connect_port(uint32_t remote, uint32_t remote_port, uint32_t vcpu = 0);
uint32_t bind_virtual_irq(uint32_t irq, uint32_t vcpu = 0);
uint32_t bind_ipi(uint32_t vcpu);

// A boot domain may run before the next one is built. These wait for the other side; ERROR after ten seconds.
uint32_t offer_when_there(uint32_t remote, uint32_t vcpu = 0);
uint32_t connect_when_offered(uint32_t remote, uint32_t remote_port, uint32_t vcpu = 0);

Result send_event(uint32_t port);
Result close_port(uint32_t port);
Result unmask_port(uint32_t port);
Result move_port(uint32_t port, uint32_t vcpu);
Result poll_ports(const uint32_t *ports, uint32_t count, uint64_t deadline = 0);

// The status of a port that must be bound.
ringfold_event_status port_status(uint32_t port);
ringfold_event_limits event_limits();
void check_port(uint32_t port, uint32_t kind, uint32_t vcpu, uint32_t domain, uint32_t source, const char *what);
void check_ports_bound(uint32_t count, const char *what);

// The words of a vCPU; its event pages after set_event_page().
ringfold_event_area &event_area(uint32_t vcpu);
void set_event_page(uint32_t vcpu, uint32_t index, PhysicalFrame frame);

// Single bits, by locked instructions.
bool is_pending(uint32_t vcpu, uint32_t port);
bool is_masked(uint32_t vcpu, uint32_t port);
bool take_pending(uint32_t vcpu, uint32_t port);  // clears it; was it set?
void mask(uint32_t vcpu, uint32_t port);
void unmask_locally(uint32_t vcpu, uint32_t port);  // without a look at what came meanwhile

// The words of the calling vCPU, from the top down: visit(context, port) for each port with an event, which is taken.
// Returns how many.
using PortVisitor = void (*)(void *context, uint32_t port);
uint64_t take_events(PortVisitor visit, void *context);
template <typename Visitor>
uint64_t take_events(Visitor &&visitor) {
    return take_events([](void *context, uint32_t port) { (*static_cast<Visitor *>(context))(port); }, &visitor);
}
// The only port with an event; 0: none; ERROR if there are several.
uint32_t take_event();

// Blocks until the calling vCPU has an event, and takes it; 0 after ten seconds.
uint32_t wait_for_event();

}  // namespace guest
