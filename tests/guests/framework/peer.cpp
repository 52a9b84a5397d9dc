// SPDX-License-Identifier: Apache-2.0
#include "framework/peer.hpp"

#include "framework/call_buffer.hpp"
#include "framework/entries.hpp"
#include "framework/memory.hpp"
#include "framework/page_table.hpp"
#include "framework/time.hpp"
#include "framework/verdict.hpp"

#include <atomic>
#include <cstring>

namespace guest {
namespace {

enum Command : uint64_t { make_hypercall, allocate_one, load_word, store_word, map_page_of_window, map_own, end_now };

constexpr uint64_t shared_bytes = 2048;
constexpr uint64_t flush_it = 1;

// The page that both have. `request` counts up when a command is complete, `reply` when its answer is.
struct Mailbox {
    std::atomic<uint64_t> request;
    std::atomic<uint64_t> reply;
    uint64_t command;
    uint64_t arguments[4];
    int64_t status;
    uint64_t value;
    uint8_t buffer[shared_bytes];
};

constexpr uint64_t mailbox_window = 0x0000'0000'7000'0000;
constexpr uint64_t patience = 30'000 * millisecond;

volatile uint64_t *word_at(uint64_t linear) { return reinterpret_cast<volatile uint64_t *>(linear); }

// --- the peer ---
constinit volatile ringfold_grant_entry *own_table = nullptr;

int64_t set_mapping(uint64_t linear, uint64_t entry, bool flushed) {
    if (find_slot(linear).machine_address == 0) {
        guest::map_page(linear, 0);
    }
    const Result result = set_entry(find_slot(linear).machine_address, entry);
    if (flushed) {
        invalidate_page(linear);
    }
    return result.status;
}

void answer(Mailbox &mailbox) {
    const uint64_t *arguments = mailbox.arguments;
    mailbox.status = 0;
    mailbox.value = 0;
    switch (mailbox.command) {
        case make_hypercall: {
            std::memcpy(call_buffer_bytes(), mailbox.buffer, shared_bytes);
            const Result result = hypercall_to_its_end(arguments[0], arguments[1], arguments[2], arguments[3]);
            std::memcpy(mailbox.buffer, call_buffer_bytes(), shared_bytes);
            mailbox.status = result.status;
            mailbox.value = result.value;
            break;
        }
        case allocate_one:
            mailbox.value = allocate_frame().number;
            mailbox.status = static_cast<int64_t>(machine_frame(PhysicalFrame{mailbox.value}).number);
            mailbox.value = linear_address(PhysicalFrame{mailbox.value});
            break;
        case load_word:
            mailbox.status =
                catch_entry([&mailbox, arguments] { mailbox.value = *word_at(arguments[0]); }).happened ? 1 : 0;
            break;
        case store_word:
            mailbox.status = catch_entry([arguments] { *word_at(arguments[0]) = arguments[1]; }).happened ? 1 : 0;
            break;
        case map_page_of_window:
            mailbox.status =
                set_mapping(peer_window + arguments[0] * page_size, arguments[1], arguments[2] == flush_it);
            break;
        case map_own:
            mailbox.status = set_mapping(arguments[0], arguments[1], true);
            break;
        default:
            error("an unknown command %lu", mailbox.command);
    }
}

// --- the test ---
constinit uint32_t mailbox_handle = 0;

Mailbox &mailbox() { return *reinterpret_cast<Mailbox *>(mailbox_window); }

void send(Command command, uint64_t argument0, uint64_t argument1, uint64_t argument2, uint64_t argument3) {
    mailbox().command = command;
    mailbox().arguments[0] = argument0;
    mailbox().arguments[1] = argument1;
    mailbox().arguments[2] = argument2;
    mailbox().arguments[3] = argument3;
    mailbox().request.fetch_add(1, std::memory_order_release);
}

Result ask(Command command, uint64_t argument0 = 0, uint64_t argument1 = 0, uint64_t argument2 = 0,
           uint64_t argument3 = 0) {
    send(command, argument0, argument1, argument2, argument3);
    const uint64_t deadline = system_time() + patience;
    while (mailbox().reply.load(std::memory_order_acquire) != mailbox().request.load(std::memory_order_relaxed)) {
        if (system_time() > deadline) {
            error("the peer does not answer command %lu", static_cast<uint64_t>(command));
        }
        guest::hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    return {mailbox().status, mailbox().value};
}

template <typename Element>
Element ask_for_one(uint64_t number, const Element &element, const char *what) {
    std::memcpy(peer::buffer(), &element, sizeof element);
    const Result result = peer::hypercall(number, 0, 1);
    if (result.status != 0 || result.value != 1) {
        fatal_failure("%s by the peer: status %ld, progress %lu", what, result.status, result.value);
    }
    Element answered;
    std::memcpy(&answered, peer::buffer(), sizeof answered);
    return answered;
}

// The peer's own table, where the peer sees it.
uint64_t entry_of(uint32_t reference) {
    static constinit uint64_t table = 0;
    if (table == 0) {
        std::memcpy(&table, mailbox().buffer, sizeof table);  // left there when it started
    }
    return table + reference * sizeof(ringfold_grant_entry);
}

void store_for_certain(uint64_t linear, uint64_t value) {
    if (!peer::store(linear, value)) {
        fatal_failure("the peer cannot write to 0x%lx", linear);
    }
}

}  // namespace

void serve_as_peer() {
    own_table = add_grant_page(0);
    const PhysicalFrame page = allocate_frame();
    auto &served = *reinterpret_cast<Mailbox *>(linear_address(page));
    const auto table = reinterpret_cast<uint64_t>(own_table);
    std::memcpy(served.buffer, &table, sizeof table);
    grant(own_table[0], test_domain, machine_frame(page));
    for (uint64_t done = 0;; ++done) {
        while (served.request.load(std::memory_order_acquire) == done) {
            hypercall(RINGFOLD_HYPERCALL_YIELD);
        }
        check(true, "a command came");
        if (served.command == end_now) {
            finish();
        }
        answer(served);
        served.reply.store(done + 1, std::memory_order_release);
    }
}

namespace peer {

void connect() {
    const uint64_t deadline = system_time() + patience;
    ringfold_grant_map_element mapped = guest::map_grant(peer_domain, 0);
    while (mapped.status != 0) {
        if (system_time() > deadline) {
            error("there is no peer: status %d", mapped.status);
        }
        guest::hypercall(RINGFOLD_HYPERCALL_YIELD);
        mapped = guest::map_grant(peer_domain, 0);
    }
    mailbox_handle = mapped.handle;
    map_page(mailbox_window, entry_for(MachineFrame{mapped.frame}, kernel_data));
    entry_of(0);
}

void disconnect() {
    map_page(mailbox_window, 0);
    check_equal(static_cast<uint64_t>(guest::unmap_grant(mailbox_handle)), 0, "giving the mailbox back");
}

Result hypercall(uint64_t number, uint64_t argument0, uint64_t argument1, uint64_t argument2) {
    return ask(make_hypercall, number, argument0, argument1, argument2);
}
uint8_t *buffer() { return mailbox().buffer; }

Frame allocate() {
    const Result result = ask(allocate_one);
    return {MachineFrame{static_cast<uint64_t>(result.status)}, result.value};
}
void make_room() {
    const Frame given = allocate();
    check_equal(static_cast<uint64_t>(map_initially(given, 0)), 0, "the peer unmaps a frame");
    std::memcpy(buffer(), &given.machine.number, sizeof given.machine.number);
    check_result(hypercall(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), 0, 1, "and releases it");
}
bool load(uint64_t linear, uint64_t &value) {
    const Result result = ask(load_word, linear);
    value = result.value;
    return result.ok();
}
bool store(uint64_t linear, uint64_t value) { return ask(store_word, linear, value).ok(); }
int64_t map(uint64_t page, uint64_t entry, bool flushed) {
    return ask(map_page_of_window, page, entry, flushed ? flush_it : 0).status;
}
int64_t map_initially(const Frame &frame, uint64_t entry) { return ask(map_own, frame.linear, entry).status; }

void grant(uint32_t reference, MachineFrame frame, uint32_t flags) {
    store_for_certain(entry_of(reference) + 8, frame.number);
    store_for_certain(entry_of(reference), grant_control(test_domain, flags));
}
void accept(uint32_t reference, uint64_t shown_as) {
    store_for_certain(entry_of(reference) + 8, shown_as);
    store_for_certain(entry_of(reference), accept_control(test_domain));
}
uint32_t control(uint32_t reference) {
    uint64_t word = 0;
    check(load(entry_of(reference), word), "the peer cannot read its table");
    return static_cast<uint32_t>(word);
}

ringfold_grant_map_element map_grant(uint32_t reference, uint16_t flags) {
    ringfold_grant_map_element element{};
    element.domain = test_domain;
    element.flags = flags;
    element.reference = reference;
    return ask_for_one(RINGFOLD_HYPERCALL_GRANT_MAP, element, "grant_map");
}
int32_t unmap_grant(uint32_t handle) {
    return ask_for_one(RINGFOLD_HYPERCALL_GRANT_UNMAP, ringfold_grant_unmap_element{handle, 1}, "grant_unmap").status;
}

void end() { send(end_now, 0, 0, 0, 0); }

}  // namespace peer
}  // namespace guest
