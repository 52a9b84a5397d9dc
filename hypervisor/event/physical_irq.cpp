// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/physical_irq.hpp"

#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/event/event_seam.hpp"
#include "hypervisor/platform/io_apics.hpp"
#include "hypervisor/platform/vector_allocator.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace ringfold {

namespace {

// By vector. The domain is not referred to: it closes its ports before it goes.
struct Line {
    EventDomain *domain = nullptr;  // null: the vector is not in use
    Port port{};
    std::optional<uint32_t> gsi;  // none: a message
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
    if (const Line *const line = lines->of(domain, port); line != nullptr && line->gsi.has_value()) {
        (void)set_interrupt_masked(*line->gsi, false);  // the pin was found when it was routed
    }
}

Result<uint8_t> claim_message_vector(EventDomain &domain, Port port) {
    auto lines = all_lines.lock();
    const uint8_t vector = TRY(lines->vectors.allocate());
    (*lines)[vector] = {.domain = &domain, .port = port};
    return vector;
}

// Intel SDM volume 3A, 11.11 ("Message Signalled Interrupts"): fixed delivery, physical destination, edge.
ringfold_event_message message_for(uint8_t vector, CpuId processor) {
    constexpr uint64_t base = 0xfee0'0000;
    constexpr unsigned destination_shift = 12;
    return {.address = base | uint64_t{destination_for(processor)} << destination_shift, .data = vector, .reserved = 0};
}

// A port that the guest cannot name until it is complete.
struct Reserved {
    Port port;
    CpuId processor;
};
Result<Reserved> reserve_port(EventDomain &domain, PortKind kind, uint8_t vcpu, uint32_t source) {
    auto state = domain.lock();
    const Port port = TRY(state->bind({.kind = kind, .vcpu = vcpu, .reserved = true, .source = source}));
    return Reserved{.port = port, .processor = event_machine::processor_of(*state->vcpu(vcpu))};
}

Result<void> complete_port(EventDomain &domain, Port port, const Result<void> &claimed) {
    auto state = domain.lock();
    if (!claimed.ok()) {
        state->unbind(port);
        return claimed.error();
    }
    state->find_any(port)->reserved = false;
    return {};
}

}  // namespace

Result<Port> bind_physical_irq(EventDomain &domain, uint32_t gsi, InterruptWiring wiring, uint8_t vcpu) {
    const Reserved reserved = TRY(reserve_port(domain, PortKind::physical_irq, vcpu, gsi));
    TRY(complete_port(domain, reserved.port, claim_line(domain, reserved.port, gsi, wiring, reserved.processor)));
    open_line(domain, reserved.port);
    return reserved.port;
}

Result<Port> bind_message(EventDomain &domain, uint8_t vcpu, ringfold_event_message &message) {
    const Reserved reserved = TRY(reserve_port(domain, PortKind::message, vcpu, 0));
    const Result<uint8_t> vector = claim_message_vector(domain, reserved.port);
    TRY(complete_port(domain, reserved.port, vector.ok() ? Result<void>{} : Result<void>{vector.error()}));
    message = message_for(vector.value(), reserved.processor);
    return reserved.port;
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
        return set_interrupt_masked(*line->gsi, false);
    }
    return {};
}

void release_physical_irq(EventDomain &domain, Port port) {
    auto lines = all_lines.lock();
    Line *const line = lines->of(domain, port);
    if (line == nullptr) {
        return;
    }
    if (line->gsi.has_value()) {
        // Masked and edge-triggered, as at boot: an acknowledgement that the pin still waits for is forgotten.
        const auto vector = static_cast<uint8_t>(vector_device_first);
        (void)route_interrupt(*line->gsi, InterruptWiring{}, vector, destination_for(CpuId{0}));
    }
    lines->release(*line);
}

bool deliver_physical_irq(uint8_t vector) {
    auto lines = all_lines.lock();
    Line &line = (*lines)[vector];
    if (line.domain == nullptr) {
        return false;
    }
    if (line.trigger == TriggerMode::level) {
        (void)set_interrupt_masked(*line.gsi, true);
        line.awaits_end = true;
    }
    auto state = line.domain->lock();
    if (const PortEntry *const entry = state->find_any(line.port); entry != nullptr) {
        state->raise(line.port, *entry);
    }
    return true;
}

}  // namespace ringfold
