// SPDX-License-Identifier: Apache-2.0
#include "framework/event.hpp"

#include "framework/call_buffer.hpp"
#include "framework/memory.hpp"
#include "framework/time.hpp"
#include "framework/vcpu.hpp"
#include "framework/verdict.hpp"

namespace guest {
namespace {

constexpr uint64_t patience = 10'000 * millisecond;
constexpr uint32_t words_in_page = RINGFOLD_EVENT_PAGE_PORTS / 64;

constinit ringfold_event_page *event_pages[max_vcpus][RINGFOLD_EVENT_PAGES] = {};

uint32_t bound(Result result, const char *what) {
    if (!result.ok()) {
        fatal_failure("%s: status %ld", what, result.status);
    }
    return static_cast<uint32_t>(result.value);
}

// Issued again as long as the other side is not there.
uint32_t bind_in_time(uint64_t number, uint64_t first, uint64_t second, uint64_t third) {
    const uint64_t deadline = system_time() + patience;
    for (;;) {
        const Result result = hypercall(number, first, second, third);
        if (result.ok()) {
            return static_cast<uint32_t>(result.value);
        }
        if (result.status != -RINGFOLD_ENOENT || system_time() > deadline) {
            error("hypercall %lu (%lu, %lu, %lu): status %ld", number, first, second, third, result.status);
        }
        arm_timer(millisecond);
        hypercall(RINGFOLD_HYPERCALL_BLOCK);
        disable_upcalls();
    }
}

uint64_t &pending_word(uint32_t vcpu, uint32_t word) {
    return word < RINGFOLD_EVENT_AREA_PORTS / 64
               ? event_area(vcpu).pending[word]
               : event_pages[vcpu][word / words_in_page]->pending[word % words_in_page];
}
uint64_t &masked_word(uint32_t vcpu, uint32_t word) {
    return word < RINGFOLD_EVENT_AREA_PORTS / 64
               ? event_area(vcpu).masked[word]
               : event_pages[vcpu][word / words_in_page]->masked[word % words_in_page];
}

uint64_t bit_of(uint32_t port) { return uint64_t{1} << port % 64; }
uint64_t load(const uint64_t &word) { return __atomic_load_n(&word, __ATOMIC_SEQ_CST); }
uint64_t exchange(uint64_t &word) { return __atomic_exchange_n(&word, uint64_t{0}, __ATOMIC_SEQ_CST); }
uint64_t clear_bits(uint64_t &word, uint64_t bits) { return __atomic_fetch_and(&word, ~bits, __ATOMIC_SEQ_CST) & bits; }

template <typename Visitor>
void for_each_bit(uint64_t word, Visitor &&visit) {
    for (; word != 0; word &= word - 1) {
        visit(static_cast<uint32_t>(__builtin_ctzll(word)));
    }
}

}  // namespace

uint32_t offer_port(uint32_t remote, uint32_t vcpu) {
    return bound(hypercall(RINGFOLD_HYPERCALL_EVENT_OFFER, RINGFOLD_DOMAIN_SELF, remote, vcpu), "event_offer");
}
uint32_t connect_port(uint32_t remote, uint32_t remote_port, uint32_t vcpu) {
    return bound(hypercall(RINGFOLD_HYPERCALL_EVENT_CONNECT, remote, remote_port, vcpu), "event_connect");
}
uint32_t bind_virtual_irq(uint32_t irq, uint32_t vcpu) {
    return bound(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_VIRTUAL, irq, vcpu), "event_bind_virtual");
}
uint32_t bind_ipi(uint32_t vcpu) { return bound(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_IPI, vcpu), "event_bind_ipi"); }

uint32_t offer_when_there(uint32_t remote, uint32_t vcpu) {
    return bind_in_time(RINGFOLD_HYPERCALL_EVENT_OFFER, RINGFOLD_DOMAIN_SELF, remote, vcpu);
}
uint32_t connect_when_offered(uint32_t remote, uint32_t remote_port, uint32_t vcpu) {
    return bind_in_time(RINGFOLD_HYPERCALL_EVENT_CONNECT, remote, remote_port, vcpu);
}

Result send_event(uint32_t port) { return hypercall(RINGFOLD_HYPERCALL_EVENT_SEND, port); }
Result close_port(uint32_t port) { return hypercall(RINGFOLD_HYPERCALL_EVENT_CLOSE, port); }
Result unmask_port(uint32_t port) { return hypercall(RINGFOLD_HYPERCALL_EVENT_UNMASK, port); }
Result move_port(uint32_t port, uint32_t vcpu) { return hypercall(RINGFOLD_HYPERCALL_EVENT_MOVE, port, vcpu); }

Result poll_ports(const uint32_t *ports, uint32_t count, uint64_t deadline) {
    for (uint32_t index = 0; index < count; ++index) {
        call_buffer<uint32_t>()[index] = ports[index];
    }
    return hypercall(RINGFOLD_HYPERCALL_EVENT_POLL, 0, count, deadline);
}

ringfold_event_status port_status(uint32_t port) {
    const Result result = hypercall(RINGFOLD_HYPERCALL_EVENT_STATUS_READ, port, 0);
    if (!result.ok()) {
        fatal_failure("event_status of port %u: status %ld", port, result.status);
    }
    return *call_buffer<ringfold_event_status>();
}

ringfold_event_limits event_limits() {
    const Result result = hypercall(RINGFOLD_HYPERCALL_EVENT_LIMITS_READ, RINGFOLD_DOMAIN_SELF, 0);
    if (!result.ok()) {
        fatal_failure("event_limits: status %ld", result.status);
    }
    return *call_buffer<ringfold_event_limits>();
}

void check_port(uint32_t port, uint32_t kind, uint32_t vcpu, uint32_t domain, uint32_t source, const char *what) {
    const ringfold_event_status status = port_status(port);
    check(status.kind == kind && status.vcpu == vcpu && status.domain == domain && status.source == source,
          "%s: kind %u vcpu %u domain %u source %u, should be %u %u %u %u", what, status.kind, status.vcpu,
          status.domain, status.source, kind, vcpu, domain, source);
}

void check_ports_bound(uint32_t count, const char *what) { check_equal(event_limits().ports_bound, count, what); }

ringfold_event_area &event_area(uint32_t vcpu) {
    return reinterpret_cast<ringfold_vcpu_page *>(linear_address(vcpu_page_frame(vcpu)))->events;
}

void set_event_page(uint32_t vcpu, uint32_t index, PhysicalFrame frame) {
    const Result result =
        hypercall_to_its_end(RINGFOLD_HYPERCALL_EVENT_PAGE_SET, vcpu, index, machine_frame(frame).number);
    if (!result.ok()) {
        fatal_failure("event_page_set: status %ld", result.status);
    }
    event_pages[vcpu][index] = reinterpret_cast<ringfold_event_page *>(linear_address(frame));
}

bool is_pending(uint32_t vcpu, uint32_t port) { return (load(pending_word(vcpu, port / 64)) & bit_of(port)) != 0; }
bool is_masked(uint32_t vcpu, uint32_t port) { return (load(masked_word(vcpu, port / 64)) & bit_of(port)) != 0; }
bool take_pending(uint32_t vcpu, uint32_t port) { return clear_bits(pending_word(vcpu, port / 64), bit_of(port)) != 0; }
void mask(uint32_t vcpu, uint32_t port) {
    __atomic_fetch_or(&masked_word(vcpu, port / 64), bit_of(port), __ATOMIC_SEQ_CST);
}
void unmask_locally(uint32_t vcpu, uint32_t port) { clear_bits(masked_word(vcpu, port / 64), bit_of(port)); }

uint64_t take_events(PortVisitor visit, void *context) {
    const uint32_t self = this_vcpu_id();
    ringfold_event_area &area = event_area(self);
    uint64_t taken = 0;
    for_each_bit(exchange(area.selector), [&](uint32_t i) {
        for_each_bit(exchange(area.selectors[i]), [&](uint32_t j) {
            const uint32_t word = i * 64 + j;
            for_each_bit(load(pending_word(self, word)) & ~load(masked_word(self, word)), [&](uint32_t bit) {
                if (clear_bits(pending_word(self, word), uint64_t{1} << bit) != 0) {
                    ++taken;
                    visit(context, word * 64 + bit);
                }
            });
        });
    });
    return taken;
}

uint32_t take_event() {
    uint32_t found = 0;
    const uint64_t count = take_events([&found](uint32_t port) { found = port; });
    if (count > 1) {
        error("%lu ports have events, port %u among them", count, found);
    }
    return found;
}

uint32_t wait_for_event() {
    const uint64_t deadline = system_time() + patience;
    do {
        const uint32_t port = take_event();
        if (port != 0) {
            return port;
        }
        arm_timer(patience / 4);
        hypercall(RINGFOLD_HYPERCALL_BLOCK);
        disable_upcalls();
    } while (system_time() < deadline);
    return 0;
}

}  // namespace guest
