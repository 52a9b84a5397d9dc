// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/event_vcpu.hpp"

#include "hypervisor/event/event_seam.hpp"
#include "hypervisor/trace/trace.hpp"

#include <atomic>

namespace ringfold {

namespace {

constexpr std::size_t area_words = sizeof(ringfold_event_area) / sizeof(uint64_t);

// Word by word: the guest may write to both at the same time.
void copy_area(ringfold_event_area &to, ringfold_event_area &from) {
    auto *target = reinterpret_cast<uint64_t *>(&to);
    auto *source = reinterpret_cast<uint64_t *>(&from);
    for (std::size_t word = 0; word < area_words; ++word) {
        const uint64_t value = std::atomic_ref<uint64_t>(source[word]).load(std::memory_order_relaxed);
        std::atomic_ref<uint64_t>(target[word]).store(value, std::memory_order_relaxed);
    }
}

}  // namespace

void EventVcpu::move_to(ringfold_vcpu_page *new_page) {
    ringfold_event_area &old_area = page != nullptr ? page->events : early;
    ringfold_event_area &new_area = new_page != nullptr ? new_page->events : early;
    if (&new_area != &old_area) {
        copy_area(new_area, old_area);
    }
    page = new_page;
    if (page != nullptr && words().any_selected()) {
        std::atomic_ref<uint8_t>(page->upcall_pending).store(1, std::memory_order_seq_cst);
    }
}

Result<void> EventVcpu::attach(uint32_t index, ringfold_event_page &event_page) {
    if (index >= pages.size()) {
        return Error::out_of_range;
    }
    if (pages[index] != nullptr) {
        return Error::already_exists;
    }
    pages[index] = &event_page;
    return {};
}

Result<void> EventVcpu::detach(uint32_t index) {
    if (index >= pages.size()) {
        return Error::out_of_range;
    }
    if (pages[index] == nullptr) {
        return Error::not_found;
    }
    if (ports_in_page[index] != 0) {
        return Error::busy;
    }
    pages[index] = nullptr;
    return {};
}

void EventVcpu::upcall() {
    // Already set: whoever set it woke the vCPU, and the guest has yet to look. So a storm is one interruption.
    if (page != nullptr && std::atomic_ref<uint8_t>(page->upcall_pending).exchange(1, std::memory_order_seq_cst) == 0) {
        event_machine::wake(*this);
    }
}

void EventVcpu::raise(Port port) {
    if (trace::is_on<trace::Class::events>()) [[unlikely]] {
        trace::write(RINGFOLD_TRACE_EVENT, event_machine::traced_name_of(*this), port.raw());
    }
    EventWords bits = words();
    if (bits.set_pending(port)) {
        return;
    }
    if (polled.contains(port)) {
        polled.clear();
        event_machine::wake(*this);
    }
    if (!bits.is_masked(port)) {
        bits.select(port);
        upcall();
    }
}

void EventVcpu::unmask(Port port) {
    EventWords bits = words();
    bits.clear_masked(port);
    if (bits.is_pending(port)) {
        bits.select(port);
        upcall();
    }
}

void EventVcpu::adopt(Port port) {
    words().clear_pending(port);
    words().clear_masked(port);
    if (!EventWords::is_in_area(port)) {
        ++ports_in_page[EventWords::page_of(port)];
    }
}

void EventVcpu::drop(Port port) {
    words().clear_pending(port);
    if (!EventWords::is_in_area(port)) {
        --ports_in_page[EventWords::page_of(port)];
    }
}

}  // namespace ringfold
