// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/event_world.hpp"

#include "hypervisor/event/event_seam.hpp"
#include "hypervisor/platform/io_apics.hpp"

#include <bit>

namespace ringfold {

namespace test {

namespace {

EventWorld *current_world = nullptr;

uint64_t exchange(uint64_t &word) { return std::atomic_ref<uint64_t>(word).exchange(0, std::memory_order_seq_cst); }
uint64_t load(uint64_t &word) { return std::atomic_ref<uint64_t>(word).load(std::memory_order_seq_cst); }

// Calls visit(bit) for each bit of the word.
template <typename Visitor>
void for_each_bit(uint64_t word, Visitor &&visit) {
    for (; word != 0; word &= word - 1) {
        visit(static_cast<uint32_t>(std::countr_zero(word)));
    }
}

}  // namespace

uint64_t &SimulatedEventVcpu::pending_word(uint32_t word) {
    constexpr uint32_t words = RINGFOLD_EVENT_PAGE_PORTS / 64;
    return word < RINGFOLD_EVENT_AREA_PORTS / 64 ? page.events.pending[word]
                                                 : event_pages[word / words].pending[word % words];
}

uint64_t &SimulatedEventVcpu::masked_word(uint32_t word) {
    constexpr uint32_t words = RINGFOLD_EVENT_PAGE_PORTS / 64;
    return word < RINGFOLD_EVENT_AREA_PORTS / 64 ? page.events.masked[word]
                                                 : event_pages[word / words].masked[word % words];
}

std::multiset<uint32_t> SimulatedEventVcpu::drain() {
    std::multiset<uint32_t> found;
    std::atomic_ref<uint8_t>(page.upcall_pending).exchange(0, std::memory_order_seq_cst);
    for_each_bit(exchange(page.events.selector), [&](uint32_t i) {
        for_each_bit(exchange(page.events.selectors[i]), [&](uint32_t j) {
            const uint32_t word = i * 64 + j;
            for_each_bit(load(pending_word(word)) & ~load(masked_word(word)), [&](uint32_t bit) {
                const uint64_t mask = uint64_t{1} << bit;
                if ((std::atomic_ref<uint64_t>(pending_word(word)).fetch_and(~mask) & mask) != 0) {
                    found.insert(word * 64 + bit);
                }
            });
        });
    });
    return found;
}

SimulatedEventDomain::SimulatedEventDomain(DomainId id, unsigned vcpu_count, uint32_t limit) : events(nullptr, id) {
    auto state = events.lock();
    state->set_limit(limit);
    for (unsigned number = 0; number < vcpu_count; ++number) {
        vcpus_.push_back(std::make_unique<SimulatedEventVcpu>(VcpuId{static_cast<uint16_t>(number)}));
        state->add(vcpus_.back()->events);
        vcpus_.back()->events.move_to(&vcpus_.back()->page);
    }
}

SimulatedEventDomain::~SimulatedEventDomain() { EXPECT_EQ(references, 0); }

ringfold_event_status SimulatedEventDomain::status(Port port) {
    const Result<ringfold_event_status> result = port_status(events, port);
    EXPECT_TRUE(result.ok());
    return result.ok() ? result.value() : ringfold_event_status{};
}

EventWorld::EventWorld() : memory_(FrameCount{frame_count}), nodes_(frame_count) {
    initialise_frame_allocator(nodes_);
    EXPECT_TRUE(add_frames(MachineFrame{512}, FrameCount{frame_count - 512}).ok());
    all_frames_ = free_frame_count();
    current_world = this;
}

EventWorld::~EventWorld() {
    while (!domains_.empty()) {
        remove(*domains_.begin()->second);
    }
    current_world = nullptr;
    heap_trim();
    EXPECT_EQ(heap_counters().objects, 0U);
    EXPECT_EQ(free_frame_count(), all_frames_);
    initialise_frame_allocator({});
}

EventWorld &EventWorld::current() { return *current_world; }

SimulatedEventDomain &EventWorld::add(unsigned vcpus, uint32_t limit) {
    auto domain = std::make_unique<SimulatedEventDomain>(DomainId{next_id_++}, vcpus, limit);
    return keep(std::move(domain));
}

SimulatedEventDomain &EventWorld::add_with_number(DomainId id, unsigned vcpus) {
    return keep(std::make_unique<SimulatedEventDomain>(id, vcpus, RINGFOLD_EVENT_DEFAULT_LIMIT));
}

SimulatedEventDomain &EventWorld::keep(std::unique_ptr<SimulatedEventDomain> domain) {
    SimulatedEventDomain &added = *domain;
    domains_.emplace(&added.events, std::move(domain));
    return added;
}

void EventWorld::remove(SimulatedEventDomain &domain) {
    while (!close_all_ports(domain.events).ok()) {
    }
    domains_.erase(&domain.events);
}

void EventWorld::fire(uint32_t gsi) {
    if (pins_[gsi].open && !deliver_physical_irq(pins_[gsi].vector)) {
        ++stray_;
    }
}

Result<void> EventWorld::route(uint32_t gsi, uint8_t vector) {
    if (gsi >= lines) {
        return Error::not_found;
    }
    pins_[gsi] = {.vector = vector, .open = false};
    return {};
}

Result<void> EventWorld::set_masked(uint32_t gsi, bool masked) {
    if (gsi >= lines) {
        return Error::not_found;
    }
    pins_[gsi].open = !masked;
    return {};
}

SimulatedEventDomain &EventWorld::owner_of(const EventDomain &events) { return *domains_.at(&events); }

}  // namespace test

void event_machine::refer(EventDomain &events) { ++test::EventWorld::current().owner_of(events).references; }
void event_machine::unrefer(EventDomain &events) {
    EXPECT_TRUE(held_locks().none());
    EXPECT_GE(--test::EventWorld::current().owner_of(events).references, 0);
}
void event_machine::wake(EventVcpu &vcpu) {
    // The vCPU is a member of SimulatedEventVcpu, its first one.
    ++reinterpret_cast<test::SimulatedEventVcpu &>(vcpu).wakes;
}
CpuId event_machine::processor_of(const EventVcpu &) { return CpuId{0}; }
uint64_t event_machine::traced_name_of(const EventVcpu &vcpu) { return vcpu.id.raw(); }

Result<void> route_interrupt(uint32_t gsi, InterruptWiring, uint8_t vector, uint8_t) {
    return test::EventWorld::current().route(gsi, vector);
}
Result<void> set_interrupt_masked(uint32_t gsi, bool masked) {
    return test::EventWorld::current().set_masked(gsi, masked);
}

}  // namespace ringfold
