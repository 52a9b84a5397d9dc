// SPDX-License-Identifier: Apache-2.0
//
// What a port is bound to.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <ringfold/event.h>

#include <cstdint>

namespace ringfold {

class EventDomain;

// The numbers of struct ringfold_event_status.
enum class PortKind : uint8_t {
    unbound = RINGFOLD_EVENT_UNBOUND,
    interdomain = RINGFOLD_EVENT_INTERDOMAIN,
    virtual_irq = RINGFOLD_EVENT_VIRTUAL,
    physical_irq = RINGFOLD_EVENT_PHYSICAL,
    ipi = RINGFOLD_EVENT_IPI,
    message = RINGFOLD_EVENT_MESSAGE,
};

struct PortEntry {
    PortKind kind = PortKind::unbound;
    uint8_t vcpu = 0;       // whose event words have its bits
    bool reserved = false;  // a bind or close is under way: the guest cannot name the port
    // interdomain: the other end's port; virtual_irq: its number; physical_irq: the global system interrupt;
    // unbound: the number of the domain that may connect
    uint32_t source = 0;
    // interdomain: a number that the two ends of one connection share, and that no other connection ever has. It tells
    // the connection from a later one between the same two ports. unbound: which domain may connect, by
    // EventDomain::incarnation; it is not referred to, so an offer keeps no dead domain from being freed.
    uint64_t connection = 0;
    // interdomain: the other domain, which is referred to; otherwise null.
    EventDomain *remote = nullptr;
};
static_assert(sizeof(PortEntry) == 24);

}  // namespace ringfold
