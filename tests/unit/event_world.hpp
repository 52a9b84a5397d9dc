// SPDX-License-Identifier: Apache-2.0
//
// A machine for tests of event channels: some domains with vCPUs, interrupt lines that can fire, and guests that look
// for events exactly as ringfold/event.h tells them to.
#pragma once

#include "hypervisor/event/close.hpp"
#include "hypervisor/event/event_domain.hpp"
#include "hypervisor/event/interdomain.hpp"
#include "hypervisor/event/physical_irq.hpp"
#include "hypervisor/event/port_control.hpp"
#include "hypervisor/event/virtual_irq.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/heap.hpp"
#include "tests/unit/fake_machine_memory.hpp"
#include "tests/unit/simulated_machine.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace ringfold::test {

class SimulatedEventVcpu {
  public:
    explicit SimulatedEventVcpu(VcpuId id) : events(nullptr, id) {}

    EventVcpu events;
    std::atomic<uint64_t> wakes = 0;
    ringfold_vcpu_page page{};
    std::array<ringfold_event_page, RINGFOLD_EVENT_PAGES> event_pages{};

    // What the guest does in its upcall: the ports with an event, which it has then taken.
    std::multiset<uint32_t> drain();
    [[nodiscard]] bool has_upcall() const { return page.upcall_pending != 0; }

  private:
    [[nodiscard]] uint64_t &pending_word(uint32_t word);
    [[nodiscard]] uint64_t &masked_word(uint32_t word);
};

class SimulatedEventDomain {
  public:
    SimulatedEventDomain(DomainId id, unsigned vcpu_count, uint32_t limit);
    SimulatedEventDomain(const SimulatedEventDomain &) = delete;
    SimulatedEventDomain &operator=(const SimulatedEventDomain &) = delete;
    ~SimulatedEventDomain();

    [[nodiscard]] SimulatedEventVcpu &vcpu(unsigned number) { return *vcpus_[number]; }
    [[nodiscard]] ringfold_event_status status(Port port);

    EventDomain events;
    std::atomic<int64_t> references = 0;  // by ports

  private:
    std::vector<std::unique_ptr<SimulatedEventVcpu>> vcpus_;
};

// Memory for the hypervisor's objects, and the machine behind the seams.
class EventWorld {
  public:
    static constexpr uint32_t lines = 24;

    EventWorld();
    EventWorld(const EventWorld &) = delete;
    EventWorld &operator=(const EventWorld &) = delete;
    ~EventWorld();  // whatever a test did, every object must be back

    SimulatedEventDomain &add(unsigned vcpus, uint32_t limit = RINGFOLD_EVENT_DEFAULT_LIMIT);
    SimulatedEventDomain &add_with_number(DomainId id, unsigned vcpus);
    void remove(SimulatedEventDomain &domain);  // closes its ports; nobody refers to it then

    // What an interrupt line does: raises its vector unless it is masked.
    void fire(uint32_t gsi);
    [[nodiscard]] bool is_open(uint32_t gsi) const { return pins_[gsi].open; }
    [[nodiscard]] uint64_t stray_interrupts() const { return stray_; }

    static EventWorld &current();
    Result<void> route(uint32_t gsi, uint8_t vector);
    Result<void> set_masked(uint32_t gsi, bool masked);
    [[nodiscard]] SimulatedEventDomain &owner_of(const EventDomain &events);

    SimulatedMachine machine{1};

  private:
    struct Pin {
        uint8_t vector = 0;
        bool open = false;
    };
    static constexpr uint64_t frame_count = 16384;

    SimulatedEventDomain &keep(std::unique_ptr<SimulatedEventDomain> domain);

    FakeMachineMemory memory_;
    std::vector<FrameNode> nodes_;
    FrameCount all_frames_;
    std::array<Pin, lines> pins_{};
    uint64_t stray_ = 0;
    uint16_t next_id_ = 1;
    std::map<const EventDomain *, std::unique_ptr<SimulatedEventDomain>> domains_;
};

}  // namespace ringfold::test
