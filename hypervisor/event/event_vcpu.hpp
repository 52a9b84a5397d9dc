// SPDX-License-Identifier: Apache-2.0
//
// The event side of a vCPU: where its event words are, and which of its ports the hypervisor raises itself. All of it
// is guarded by its domain's event lock.
#pragma once

#include "hypervisor/event/event_words.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <ringfold/event.h>
#include <ringfold/vcpu.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace ringfold {

struct Vcpu;

// The numbers of RINGFOLD_VIRTUAL_IRQ_*.
enum class VirtualIrq : uint8_t {
    timer = RINGFOLD_VIRTUAL_IRQ_TIMER,
    debug = RINGFOLD_VIRTUAL_IRQ_DEBUG,
    console = RINGFOLD_VIRTUAL_IRQ_CONSOLE,
    control = RINGFOLD_VIRTUAL_IRQ_CONTROL,
    domain_state = RINGFOLD_VIRTUAL_IRQ_DOMAIN_STATE,
    log = RINGFOLD_VIRTUAL_IRQ_LOG,
    trace = RINGFOLD_VIRTUAL_IRQ_TRACE,
    domain_console = RINGFOLD_VIRTUAL_IRQ_DOMAIN_CONSOLE,
};
[[nodiscard]] constexpr bool is_per_vcpu(VirtualIrq irq) {
    return irq == VirtualIrq::timer || irq == VirtualIrq::debug;
}

// The port that each virtual interrupt is bound to; Port{0}: none.
using VirtualIrqPorts = std::array<Port, RINGFOLD_VIRTUAL_IRQS>;

// The ports that a vCPU waits for in hypercall event_poll.
class PolledPorts {
  public:
    // At most RINGFOLD_EVENT_POLL_MAX.
    void set(std::span<const Port> ports) {
        std::copy(ports.begin(), ports.end(), ports_.begin());
        count_ = ports.size();
    }
    void clear() { count_ = 0; }
    [[nodiscard]] bool contains(Port port) const {
        const auto end = ports_.begin() + count_;
        return std::find(ports_.begin(), end, port) != end;
    }

  private:
    std::array<Port, RINGFOLD_EVENT_POLL_MAX> ports_{};
    std::size_t count_ = 0;
};

struct EventVcpu {
    EventVcpu(Vcpu *vcpu, VcpuId number) : owner(vcpu), id(number) {}
    EventVcpu(const EventVcpu &) = delete;
    EventVcpu &operator=(const EventVcpu &) = delete;

    [[nodiscard]] EventWords words() { return {page != nullptr ? page->events : early, pages}; }

    // Its shared page from now on, null: it has none. The words move there.
    void move_to(ringfold_vcpu_page *new_page);
    // Gives it memory for the bits of one range of ports, or takes it away. out_of_range: no such index;
    // already_exists; not_found: there is none to take away; busy: a port of the range is bound.
    Result<void> attach(uint32_t index, ringfold_event_page &event_page);
    Result<void> detach(uint32_t index);

    // A port has had an event.
    void raise(Port port);
    // The guest unmasked the port: what came meanwhile leads to an upcall.
    void unmask(Port port);
    // A port begins or stops to have its bits here.
    void adopt(Port port);
    void drop(Port port);

    Vcpu *const owner;
    const VcpuId id;
    ringfold_vcpu_page *page = nullptr;
    ringfold_event_area early{};  // the words as long as there is no page
    EventWords::Pages pages{};
    std::array<uint32_t, RINGFOLD_EVENT_PAGES> ports_in_page{};
    VirtualIrqPorts virtual_irqs{};
    PolledPorts polled;

  private:
    void upcall();
};

}  // namespace ringfold
