// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 hosts=qemu,bochs
//
// The event words are the guest's memory: one vCPU writes random bits all over them, and over an event page, while
// another sends, moves, masks, polls and asks for status. Expected: every call answers as documented, nothing outside
// the words changes (the bytes of the vCPU page before and behind them, the frames' counts, which the audit compares),
// and when the scribbling ends and the words are cleared, events arrive as ever.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t scribbles = 60'000;
constexpr uint32_t port_count = 8;

constinit std::atomic<uint64_t> done{0};  // release/acquire
constinit uint64_t seed = 0;
constinit ringfold_event_page *event_page = nullptr;

void write_words(void *begin, uint64_t bytes, Random *random) {
    auto *const words = static_cast<uint64_t *>(begin);
    for (uint64_t word = 0; word < bytes / sizeof(uint64_t); ++word) {
        __atomic_store_n(&words[word], random == nullptr ? 0 : random->next(), __ATOMIC_RELAXED);
    }
}

void scribbler(uint64_t) {
    Random random{seed};
    for (uint64_t count = 0; count < scribbles; ++count) {
        auto *const area = reinterpret_cast<uint64_t *>(&event_area(0));
        __atomic_store_n(&area[random.below(sizeof(ringfold_event_area) / 8)], random.next(), __ATOMIC_RELAXED);
        auto *const page = reinterpret_cast<uint64_t *>(event_page);
        __atomic_store_n(&page[random.below(512)], random.next(), __ATOMIC_RELAXED);
    }
    done.store(1, std::memory_order_release);
}

bool behind_the_area_is_clean() {
    const auto *const bytes = reinterpret_cast<const uint8_t *>(&event_area(0) + 1);
    for (uint64_t byte = 0; byte < 4096 - 2048 - sizeof(ringfold_event_area); ++byte) {
        if (bytes[byte] != 0) {
            return false;
        }
    }
    return true;
}

void use_ports(const uint32_t (&ports)[port_count], Random &random) {
    const uint32_t port = ports[random.below(port_count)];
    switch (random.below(5)) {
        case 0:
            check_status(unmask_port(port), 0, "unmasking");
            return;
        case 1:
            check_status(poll_ports(&port, 1, 1), 0, "polling");
            return;
        case 2:
            check(port_status(port).pending <= 1, "a bit that is neither 0 nor 1");
            return;
        case 3:
            // Selectors lead anywhere now, but the next event must raise an upcall again.
            clear_upcall_pending();
            return;
        default:
            check_result(send_event(port), 0, 1, "sending");
    }
}

}  // namespace

void guest_main() {
    seed = choose_seed();
    const PhysicalFrame frame = allocate_frame();
    set_event_page(0, 0, frame);
    event_page = reinterpret_cast<ringfold_event_page *>(linear_address(frame));
    uint32_t ports[port_count];
    for (uint32_t &port : ports) {
        port = bind_ipi(0);
    }
    start_vcpu(1, scribbler);
    Random random{seed + 1};
    while (done.load(std::memory_order_acquire) == 0) {
        use_ports(ports, random);
    }
    join_vcpu(1);
    check(behind_the_area_is_clean(), "something was written behind the event words");
    check_equal(vcpu_page().vcpu_id, 0, "what stands before them");

    write_words(&event_area(0), sizeof(ringfold_event_area), nullptr);
    write_words(event_page, sizeof(ringfold_event_page), nullptr);
    clear_upcall_pending();
    for (const uint32_t port : ports) {
        check_result(send_event(port), 0, 1, "sending after all that");
        check_equal(vcpu_page().upcall_pending, 1, "upcall_pending after it");
        check_equal(take_event(), port, "the event");
        clear_upcall_pending();
    }
    check_ports_bound(port_count, "ports at the end");
}
