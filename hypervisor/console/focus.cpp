// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/console/focus.hpp"

#include "hypervisor/console/debug_keys.hpp"
#include "hypervisor/console/escape.hpp"
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/event/virtual_irq.hpp"
#include "hypervisor/lib/log.hpp"

#include <atomic>

namespace ringfold::focus {

namespace {

constinit EscapeDetector escape;  // of the CPU that takes the interrupts
// Relaxed: nothing else depends on it.
constinit std::atomic<uint16_t> holder = control_domain.raw();

// Set once, before there are domains.
constinit RawSink raw_sink = nullptr;

// What is typed for a domain that is gone is dropped.
void deliver(Domain &domain, std::span<const char> bytes) {
    domain.console.lock()->input.put_or_lose(bytes);
    raise_virtual_irq(domain.events, VirtualIrq::console);
}

void hand_on(std::span<const char> bytes) {
    if (bytes.empty()) {
        return;
    }
    if (current() == hypervisor) {
        for (const char key : bytes) {
            press_debug_key(key);
        }
    } else if (const Result<DomainReference> domain = find_domain(current()); domain.ok()) {
        deliver(*domain.value(), bytes);
    }
}

void move_on() {
    const DomainId next = after(current(), domain_list::next);
    holder.store(next.raw(), std::memory_order_relaxed);
    if (next == hypervisor) {
        log_info("console: debug keys, h for help; three times Ctrl-A moves on");
    } else if (const Result<DomainReference> domain = find_domain(next); domain.ok()) {
        log_info("console: input goes to d{} {}; three times Ctrl-A moves on", next, domain.value()->name_text());
    } else {
        log_info("console: input goes to d{}, which is gone; three times Ctrl-A moves on", next);
    }
}

}  // namespace

DomainId current() { return DomainId{holder.load(std::memory_order_relaxed)}; }

void set_raw_sink(RawSink sink) { raw_sink = sink; }
RawSink raw_sink_of(DomainId domain) { return domain == current() ? raw_sink : nullptr; }

void receive(std::span<const char> bytes) {
    std::array<char, 64> text;
    std::size_t length = 0;
    const auto flush = [&] { hand_on(std::span{text}.first(std::exchange(length, 0))); };
    for (const char c : bytes) {
        const EscapeDetector::Step step = escape.put(c);
        if (length + step.text.size() > text.size()) {
            flush();
        }
        for (const char typed : step.text) {
            text[length++] = typed;
        }
        if (step.escaped) {
            flush();
            move_on();
        }
    }
    flush();
}

}  // namespace ringfold::focus
