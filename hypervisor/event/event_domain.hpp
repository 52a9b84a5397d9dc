// SPDX-License-Identifier: Apache-2.0
//
// The event side of a domain: its ports and its vCPUs' event words, behind one lock.
//
// Nobody holds the locks of two domains. What concerns both ends of a connection is done in steps, each under one lock,
// and each step checks that the connection is still the one that it is about (PortEntry::connection). Between the steps
// an end may be connected to a port that is already gone: what it sends then goes nowhere, as if it had been sent after
// the close.
#pragma once

#include "hypervisor/event/event_vcpu.hpp"
#include "hypervisor/event/port_table.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <array>
#include <cstdint>

namespace ringfold {

struct Domain;

// What the lock guards.
class EventState {
  public:
    // --- vCPUs ---
    void add(EventVcpu &vcpu) { vcpus_[vcpu.id.raw()] = &vcpu; }
    // Its shared page from now on; the event words move there.
    static void move_vcpu(EventVcpu &vcpu, ringfold_vcpu_page *page) { vcpu.move_to(page); }
    // Its memory is about to go: every port that it served is closed.
    static void release_vcpu(EventVcpu &vcpu) {
        vcpu.move_to(nullptr);
        vcpu.pages = {};
    }
    // Null: the domain has no such vCPU.
    [[nodiscard]] EventVcpu *vcpu(uint32_t number) const { return number < vcpus_.size() ? vcpus_[number] : nullptr; }
    [[nodiscard]] EventVcpu &server_of(const PortEntry &entry) const { return *vcpus_[entry.vcpu]; }

    // --- ports ---
    // The lowest free port as `entry`, served by its vCPU. not_found: no such vCPU, or the domain is going;
    // out_of_range: the vCPU has no event page for the port; limit_reached; out_of_memory.
    [[nodiscard]] Result<Port> bind(const PortEntry &entry);
    // What bind() did is undone; if the entry refers to a domain, that is now the caller's business.
    PortEntry unbind(Port port);
    // Null unless it is bound, and nobody is at binding or closing it.
    [[nodiscard]] PortEntry *find(Port port);
    // The same, also while somebody is at it.
    [[nodiscard]] PortEntry *find_any(Port port) { return ports_.find(port); }
    [[nodiscard]] Port next(Port port) const { return ports_.next(port); }
    void raise(Port port, const PortEntry &entry) { server_of(entry).raise(port); }

    [[nodiscard]] VirtualIrqPorts &virtual_irqs() { return virtual_irqs_; }

    // --- limits ---
    [[nodiscard]] ringfold_event_limits limits() const { return {.port_limit = limit_, .ports_bound = ports_.size()}; }
    void set_limit(uint32_t limit) { limit_ = limit; }
    // No port is bound from now on.
    void refuse_binds() { is_going_ = true; }

  private:
    PortTable ports_;
    std::array<EventVcpu *, RINGFOLD_MAX_VCPUS> vcpus_{};
    VirtualIrqPorts virtual_irqs_{};  // those of the domain
    uint32_t limit_ = RINGFOLD_EVENT_DEFAULT_LIMIT;
    bool is_going_ = false;
};

class EventDomain {
  public:
    EventDomain(Domain *domain, DomainId number);
    EventDomain(const EventDomain &) = delete;
    EventDomain &operator=(const EventDomain &) = delete;

    [[nodiscard]] auto lock() { return state_.lock(); }

    Domain *const owner;
    const DomainId id;
    const uint64_t incarnation;  // no other domain ever has it, though numbers come again

  private:
    Locked<EventState, LockRank::events> state_;
};

}  // namespace ringfold
