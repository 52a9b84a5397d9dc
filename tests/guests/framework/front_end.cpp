// SPDX-License-Identifier: Apache-2.0
#include "framework/front_end.hpp"

#include "framework/event.hpp"
#include "framework/grant.hpp"
#include "framework/hypercall.hpp"
#include "framework/memory.hpp"
#include "framework/page_table.hpp"
#include "framework/verdict.hpp"

#include <cstring>

namespace guest {
namespace {

// Where borrowed pages are mapped: a window for the control page, then some for each place in it.
constexpr uint64_t windows = 0x0000'0000'4000'0000;
constexpr uint64_t window_size = 2 << 20;
constexpr uint64_t windows_of_device = 1 + FrontDevice::most_queues;
static_assert(BorrowedPages::most * page_size <= window_size);

}  // namespace

void sleep_for(uint64_t nanoseconds) {
    arm_timer(nanoseconds);
    hypercall(RINGFOLD_HYPERCALL_BLOCK);
    disable_upcalls();
    take_events([](uint32_t) {});
}

// --- pages ---

bool BorrowedPages::borrow_one(uint32_t index) {
    const ringfold_grant_map_element mapped = map_grant(domain_, first_ + index);
    if (mapped.status != 0) {
        return false;
    }
    handles_[index] = mapped.handle;
    map_page(linear_ + index * page_size, entry_for(MachineFrame{mapped.frame}, kernel_data));
    return true;
}

void BorrowedPages::give_one(uint32_t index) {
    map_page(linear_ + index * page_size, 0);
    check_element(unmap_grant(handles_[index]), 0, "giving a borrowed page back");
}

bool BorrowedPages::borrow(uint64_t linear, uint32_t domain, uint32_t first, uint32_t count) {
    linear_ = linear;
    domain_ = domain;
    first_ = first;
    if (!check(count <= most, "%u pages in a queue", count)) {
        return false;
    }
    for (count_ = 0; count_ < count; ++count_) {
        if (!borrow_one(count_)) {
            give_back();
            return false;
        }
    }
    return true;
}

void BorrowedPages::give_back() {
    while (count_ > 0) {
        give_one(--count_);
    }
}

void BorrowedPages::borrow_again(uint32_t index) {
    give_one(index);
    if (!borrow_one(index)) {
        fatal_failure("reference %u can be mapped once only", first_ + index);
    }
}

// --- the control page ---

void ControlPage::open() {
    const ringfold_start_info &info = start_info();
    if (info.control_domain == 0) {
        skip("nobody serves devices to this domain");
    }
    if (!pages_.borrow(windows, info.control_domain, info.control_reference, 1)) {
        fatal_failure("the control page is not granted");
    }
    const auto *page = pages_.at<const ringfold_control_page>();
    check(page->magic == RINGFOLD_CONTROL_MAGIC && page->version == RINGFOLD_CONTROL_VERSION,
          "the control page's begin");
    port_ = connect_port(info.control_domain, info.control_port);
}

ringfold_control_device ControlPage::device(uint32_t place) const {
    const volatile ringfold_control_device &shared = pages_.at<const ringfold_control_page>()->devices[place];
    ringfold_control_device entry{};
    do {
        entry.generation = __atomic_load_n(&shared.generation, __ATOMIC_ACQUIRE);
        entry.kind = shared.kind;
        entry.number = shared.number;
        entry.domain = shared.domain;
        entry.reference = shared.reference;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (entry.generation != shared.generation);
    return entry;
}

void ControlPage::notify() const { check(send_event(port_).ok(), "an event for the control page"); }

// --- devices ---

uint64_t FrontDevice::window(uint32_t number) const {
    return windows + (1 + place_ * windows_of_device + number) * window_size;
}

void FrontDevice::open(const ControlPage &control, uint32_t place, const ringfold_control_device &entry) {
    control_ = &control;
    place_ = place;
    entry_ = entry;
    if (!pages_.borrow(window(0), entry.domain, entry.reference, 1)) {
        fatal_failure("the page of device %u is not granted", place);
    }
    offer_.queue_limit = page()->queue_limit;
    offer_.features = page()->features;
    std::memcpy(offer_.kind.data(), page()->kind, offer_.kind.size());
}

void FrontDevice::set_state(uint32_t state) const {
    __atomic_store_n(&page()->front_state, state, __ATOMIC_RELEASE);
    control_->notify();
}

void FrontDevice::ask(uint32_t queues, uint32_t features) const {
    page()->queue_count = queues;
    page()->taken_features = features;
    set_state(RINGFOLD_STATE_ASKED);
}

bool FrontDevice::connect(uint32_t queues, uint32_t features) {
    if (!check(wait_until([&] { return back_state() == RINGFOLD_STATE_OFFERED; }), "device %u is not offered: state %u",
               place_, back_state())) {
        return false;
    }
    ask(queues, features);
    if (!check(wait_until([&] { return back_state() != RINGFOLD_STATE_OFFERED; }) &&
                   back_state() == RINGFOLD_STATE_CONNECTED,
               "device %u with %u queues: state %u, error %u", place_, queues, back_state(), page()->error)) {
        return false;
    }
    return open_queues(queues);
}

bool FrontDevice::open_queues(uint32_t count) {
    for (queue_count_ = 0; queue_count_ < count; ++queue_count_) {
        const ringfold_device_queue shared = page()->queues[queue_count_];
        Queue &queue = queues_[queue_count_];
        if (!check(queue.pages.borrow(window(1 + queue_count_), entry_.domain, shared.first_reference, shared.pages),
                   "the pages of a queue are not granted")) {
            close_queues();
            return false;
        }
        queue.port = connect_port(entry_.domain, shared.port);
    }
    set_state(RINGFOLD_STATE_CONNECTED);
    return true;
}

void FrontDevice::close_queues() {
    while (queue_count_ > 0) {
        Queue &queue = queues_[--queue_count_];
        queue.pages.give_back();
        check_status(close_port(queue.port), 0, "closing a queue's port");
    }
}

void FrontDevice::close() {
    close_queues();
    set_state(RINGFOLD_STATE_CLOSED);
    check(wait_until([&] { return back_state() == RINGFOLD_STATE_CLOSED; }), "device %u does not close: state %u",
          place_, back_state());
    set_state(RINGFOLD_STATE_NONE);
}

void FrontDevice::start_over() {
    close_queues();
    if (back_state() == RINGFOLD_STATE_OFFERED) {
        // The back end may be about to answer what was asked before: so it is asked for what it refuses, and answers.
        ask(0, 0);
        check(wait_until([&] { return back_state() != RINGFOLD_STATE_OFFERED; }), "device %u answers nothing", place_);
    }
    close();
    check(wait_until([&] { return back_state() == RINGFOLD_STATE_OFFERED; }),
          "device %u is not offered again: state %u", place_, back_state());
}

bool FrontDevice::holds(uint32_t reference) const {
    bool held = pages_.holds(reference);
    for (uint32_t number = 0; number < queue_count_; ++number) {
        held = held || queues_[number].pages.holds(reference);
    }
    return held;
}

}  // namespace guest
