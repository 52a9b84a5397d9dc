// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/physical_irq.hpp"

#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/event/event_seam.hpp"
#include "hypervisor/platform/io_apics.hpp"
#include "hypervisor/platform/vector_allocator.hpp"

#include <algorithm>
#include <array>

namespace ringfold {

namespace {

// By vector. The domain is not referred to: it closes its ports before it goes.
struct Line {
    EventDomain *domain = nullptr;  // null: the vector is not in use
    Port port{};
    uint32_t gsi = 0;
    TriggerMode trigger = TriggerMode::edge;
    bool awaits_end = false;  // masked since it fired

    [[nodiscard]] bool belongs_to(const EventDomain &owner, Port owners_port) const {
        return domain == &owner && port == owners_port;
    }
};

class Lines {
  public:
    [[nodiscard]] Line &operator[](uint8_t vector) { return lines_[vector]; }

    [[nodiscard]] bool has(uint32_t gsi) const {
        return std::any_of(lines_.begin(), lines_.end(),
                           [gsi](const Line &line) { return line.domain != nullptr && line.gsi == gsi; });
    }
    // Null: there is none.
    [[nodiscard]] Line *of(const EventDomain &domain, Port port) {
        const auto found =
            std::find_if(lines_.begin(), lines_.end(), [&](const Line &line) { return line.belongs_to(domain, port); });
        return found == lines_.end() ? nullptr : &*found;
    }
    void release(Line &line) {
        vectors.free(static_cast<uint8_t>(&line - lines_.data()));
        line = Line{};
    }

    VectorAllocator vectors;

  private:
    std::array<Line, vector_count> lines_{};
};

constinit Locked<Lines, LockRank::physical_irqs> all_lines;

// IO-APICs name processors by 8 bits, of which the last value is all of them (82093AA data sheet, 3.2.4).
uint8_t destination_for(CpuId processor) {
    constexpr uint32_t most = 0xfe;
    const uint32_t wanted = apic_id_of(processor);
    return static_cast<uint8_t>(wanted <= most ? wanted : apic_id_of(CpuId{0}));
}

// Routes the line to a vector of its own, masked.
Result<void> claim_line(EventDomain &domain, Port port, uint32_t gsi, InterruptWiring wiring, CpuId processor) {
    auto lines = all_lines.lock();
    if (lines->has(gsi)) {
        return Error::already_exists;
    }
    const uint8_t vector = TRY(lines->vectors.allocate());
    if (const Result<void> routed = route_interrupt(gsi, wiring, vector, destination_for(processor)); !routed.ok()) {
        lines->vectors.free(vector);
        return routed.error();
    }
    (*lines)[vector] = {.domain = &domain, .port = port, .gsi = gsi, .trigger = wiring.trigger};
    return {};
}

void open_line(EventDomain &domain, Port port) {
    auto lines = all_lines.lock();
    if (const Line *const line = lines->of(domain, port); line != nullptr) {
        (void)set_interrupt_masked(line->gsi, false);  // the pin was found when it was routed
    }
}

}  // namespace

Result<Port> bind_physical_irq(EventDomain &domain, uint32_t gsi, InterruptWiring wiring, uint8_t vcpu) {
    Port port;
    CpuId processor;
    {
        auto state = domain.lock();
        port = TRY(state->bind({.kind = PortKind::physical_irq, .vcpu = vcpu, .reserved = true, .source = gsi}));
        processor = event_machine::processor_of(*state->vcpu(vcpu));
    }
    const Result<void> claimed = claim_line(domain, port, gsi, wiring, processor);
    {
        auto state = domain.lock();
        if (!claimed.ok()) {
            state->unbind(port);
            return claimed.error();
        }
        state->find_any(port)->reserved = false;
    }
    open_line(domain, port);
    return port;
}

Result<void> end_physical_irq(EventDomain &domain, Port port) {
    {
        auto state = domain.lock();
        const PortEntry *const entry = state->find(port);
        if (entry == nullptr) {
            return Error::not_found;
        }
        if (entry->kind != PortKind::physical_irq) {
            return Error::invalid_argument;
        }
    }
    auto lines = all_lines.lock();
    Line *const line = lines->of(domain, port);
    // Closed in between, or it has not fired: there is nothing to open.
    if (line != nullptr && line->awaits_end) {
        line->awaits_end = false;
        return set_interrupt_masked(line->gsi, false);
    }
    return {};
}

void release_physical_irq(EventDomain &domain, Port port) {
    auto lines = all_lines.lock();
    Line *const line = lines->of(domain, port);
    if (line == nullptr) {
        return;
    }
    // Masked and edge-triggered, as at boot: an acknowledgement that the pin still waits for is forgotten.
    const auto vector = static_cast<uint8_t>(vector_device_first);
    (void)route_interrupt(line->gsi, InterruptWiring{}, vector, destination_for(CpuId{0}));
    lines->release(*line);
}

bool deliver_physical_irq(uint8_t vector) {
    auto lines = all_lines.lock();
    Line &line = (*lines)[vector];
    if (line.domain == nullptr) {
        return false;
    }
    if (line.trigger == TriggerMode::level) {
        (void)set_interrupt_masked(line.gsi, true);
        line.awaits_end = true;
    }
    auto state = line.domain->lock();
    if (const PortEntry *const entry = state->find_any(line.port); entry != nullptr) {
        state->raise(line.port, *entry);
    }
    return true;
}

}  // namespace ringfold
