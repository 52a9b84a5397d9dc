// SPDX-License-Identifier: Apache-2.0
#include "framework/hostile_device.hpp"

#include "framework/command_line.hpp"
#include "framework/console.hpp"
#include "framework/event.hpp"
#include "framework/grant.hpp"
#include "framework/memory.hpp"
#include "framework/verdict.hpp"

#include <algorithm>

namespace guest {
namespace {

constexpr unsigned most_devices = 4;
constexpr unsigned most_attacks = 24;
constexpr unsigned events_of_a_flood = 3000;
constexpr unsigned words_of_a_scribble = 3000;
constexpr uint32_t references_to_try = 65536;
constexpr uint32_t no_state = 0xdead;

constinit ControlPage control{};
constinit std::array<FrontDevice, most_devices> devices{};
constinit unsigned device_count = 0;
constinit const HostileKind *kind = nullptr;
constinit uint64_t connections = 0;

void connect(FrontDevice &device) {
    if (!device.connect(device.usual_queues(), device.features())) {
        fatal_failure("device %u cannot be connected", device.number());
    }
    ++connections;
    kind->begin(device);
}

// --- attacks by the device page ---

void choose_wrongly(FrontDevice &device, Random &random) {
    device.start_over();
    const uint32_t unknown = 1U << (8 + random.below(24));
    struct Choice {
        uint32_t queues;
        uint32_t features;
    };
    for (const Choice &choice :
         {Choice{0, 0}, Choice{device.queue_limit() + 1, 0}, Choice{RINGFOLD_DEVICE_QUEUES + 1, 0},
          Choice{~0U, device.features()}, Choice{1, device.features() | unknown}, Choice{1, ~0U}}) {
        device.ask(choice.queues, choice.features);
        check(wait_until([&] { return device.back_state() == RINGFOLD_STATE_CLOSED; }) &&
                  device.page()->error == RINGFOLD_EINVAL,
              "%u queues, features 0x%x: state %u, error %u", choice.queues, choice.features, device.back_state(),
              device.page()->error);
        device.start_over();
    }
}

void change_choice_while_it_is_read(FrontDevice &device, Random &random) {
    for (unsigned turn = 0; turn < 10; ++turn) {
        device.start_over();
        device.ask(1, 0);
        while (device.back_state() == RINGFOLD_STATE_OFFERED) {
            device.page()->queue_count = static_cast<uint32_t>(random.below(RINGFOLD_DEVICE_QUEUES + 2));
            device.page()->taken_features = static_cast<uint32_t>(random.next());
        }
    }
    device.start_over();
}

void show_odd_states(FrontDevice &device, Random &random) {
    constexpr std::array<uint32_t, 7> odd{RINGFOLD_STATE_NONE,
                                          RINGFOLD_STATE_OFFERED,
                                          RINGFOLD_STATE_ASKED,
                                          RINGFOLD_STATE_CLOSING,
                                          RINGFOLD_STATE_CLOSED + 1,
                                          255,
                                          ~0U};
    for (unsigned turn = 0; turn < 30; ++turn) {
        device.set_state(odd[random.below(odd.size())]);
    }
    device.set_state(RINGFOLD_STATE_CONNECTED);
    check(device.back_state() == RINGFOLD_STATE_CONNECTED, "state %u after states that mean nothing now",
          device.back_state());
}

void hurry_through_states(FrontDevice &device, Random &random) {
    device.close_queues();
    for (unsigned turn = 0; turn < 60; ++turn) {
        device.ask(1, 0);
        if (random.below(3) == 0) {
            sleep_for(random.below(500) * microsecond);
        }
        device.set_state(static_cast<uint32_t>(random.below(RINGFOLD_STATE_CLOSED + 1)));
    }
    device.start_over();
}

void scribble_over_all(FrontDevice &device, Random &random) {
    kind->burden(device, random);
    scribble(control.pages(), control.port(), words_of_a_scribble / 10, random);
    for (uint32_t number = 0; number < device.queue_count(); ++number) {
        scribble(device.queue(number).pages, device.queue(number).port, words_of_a_scribble, random);
    }
    for (unsigned word = 0; word < words_of_a_scribble; ++word) {
        auto *words = reinterpret_cast<uint32_t *>(device.page());
        const uint64_t place = random.below(page_size / sizeof(uint32_t));
        // Not the one word that ends all of it.
        if (&words[place] != &device.page()->front_state) {
            words[place] = static_cast<uint32_t>(random.next());
        }
    }
    // What the back end writes next cannot be taken for what was scribbled. Perhaps it has closed before.
    device.page()->back_state = no_state;
    device.close_queues();
    const bool offered = wait_until([&] {
        device.set_state(RINGFOLD_STATE_CLOSED);
        (void)wait_until([&] { return device.back_state() == RINGFOLD_STATE_CLOSED; }, 1000 * millisecond);
        device.set_state(RINGFOLD_STATE_NONE);
        return wait_until([&] { return device.back_state() == RINGFOLD_STATE_OFFERED; }, 1000 * millisecond);
    });
    check(offered, "state 0x%x after scribbling", device.back_state());
}

// --- attacks by grants and events ---

uint64_t send_for_nothing(uint32_t port, uint64_t events) {
    for (uint64_t sent = 0; sent < events; ++sent) {
        check(send_event(port).ok(), "an event of a flood");
    }
    return events;
}

void flood(FrontDevice &device, Random &random) {
    for (unsigned sent = 0; sent < events_of_a_flood; ++sent) {
        const uint64_t which = random.below(device.queue_count() + 1U);
        const uint32_t port = which == 0 ? control.port() : device.queue(static_cast<uint32_t>(which) - 1).port;
        check(send_event(port).ok(), "an event of a flood");
    }
}

void move_pages(FrontDevice &device, Random &random) {
    for (unsigned turn = 0; turn < 8; ++turn) {
        FrontDevice::Queue &queue = device.queue(static_cast<uint32_t>(random.below(device.queue_count())));
        kind->burden(device, random);
        for (unsigned page = 0; page < 10; ++page) {
            queue.pages.borrow_again(static_cast<uint32_t>(random.below(queue.pages.count())));
        }
    }
}

void keep_pages(FrontDevice &device, Random &random) {
    kind->burden(device, random);
    device.set_state(RINGFOLD_STATE_CLOSED);
    check(wait_until([&] { return device.back_state() == RINGFOLD_STATE_CLOSED; }), "it does not close: state %u",
          device.back_state());
    device.set_state(RINGFOLD_STATE_NONE);
    for (unsigned turn = 0; turn < 20; ++turn) {
        device.ask(1, 0);
        device.set_state(RINGFOLD_STATE_NONE);
        sleep_for(5 * millisecond);
        check(device.back_state() == RINGFOLD_STATE_CLOSED, "state %u for one who keeps all pages of a connection",
              device.back_state());
    }
    device.start_over();
}

void leave_in_the_middle(FrontDevice &device, Random &random) {
    kind->burden(device, random);
    device.close();
}

bool is_borrowed(uint32_t reference) {
    return control.pages().holds(reference) ||
           std::any_of(devices.begin(), devices.begin() + device_count,
                       [&](const FrontDevice &one) { return one.holds(reference); });
}

void try_references(FrontDevice & /*device*/, Random &random) {
    for (unsigned turn = 0; turn < 300; ++turn) {
        const auto reference = static_cast<uint32_t>(random.below(random.below(2) == 0 ? references_to_try : 512));
        const ringfold_grant_map_element mapped = map_grant(start_info().control_domain, reference);
        if (mapped.status == 0) {
            check(is_borrowed(reference), "reference %u is nobody's that this domain knows of", reference);
            check_element(unmap_grant(mapped.handle), 0, "giving it back");
        }
    }
}

constexpr Attack common_attacks[] = {
    {"wrong choices", choose_wrongly},
    {"a choice that changes", change_choice_while_it_is_read},
    {"odd states", show_odd_states},
    {"states in a hurry", hurry_through_states},
    {"scribbling", scribble_over_all},
    {"a flood of events", flood},
    {"pages that come and go", move_pages},
    {"pages that are kept", keep_pages},
    {"an end in the middle", leave_in_the_middle},
    {"references of others", try_references},
};

// --- rounds ---

void find_devices() {
    for (uint32_t place = 0; place < RINGFOLD_CONTROL_DEVICES && device_count < most_devices; ++place) {
        const ringfold_control_device entry = control.device(place);
        if (entry.generation != 0 && entry.kind == kind->kind) {
            devices[device_count++].open(control, place, entry);
        }
    }
    if (device_count == 0) {
        error("no device of kind %u", kind->kind);
    }
}

void attack_once(FrontDevice &device, const Attack &attack, Random &random) {
    attack.run(device, random);
    if (!device.connected()) {
        device.start_over();
        connect(device);
    }
    kind->use(device, random);
}

void attack_in_any_order(FrontDevice &device, Random &random) {
    std::array<const Attack *, most_attacks> order{};
    unsigned count = 0;
    for (const std::span<const Attack> some : {std::span<const Attack>{common_attacks}, kind->attacks}) {
        for (const Attack &attack : some) {
            order[count++] = &attack;
        }
    }
    for (; count > 0; --count) {
        std::swap(order[random.below(count)], order[count - 1]);
        attack_once(device, *order[count - 1], random);
    }
}

void attack_in_rounds(uint64_t rounds, Random &random) {
    for (uint64_t round = 1; rounds == 0 || round <= rounds; ++round) {
        for (unsigned number = 0; number < device_count; ++number) {
            attack_in_any_order(devices[number], random);
        }
        print("round %lu: %lu connections\n", round, connections);
    }
}

// --- single attacks, for those who measure ---

void flood_all(uint64_t events, Random &random) {
    uint64_t sent = 0;
    for (unsigned number = 0; number < device_count; ++number) {
        for (uint32_t queue = 0; queue < devices[number].queue_count(); ++queue) {
            sent += send_for_nothing(devices[number].queue(queue).port, events);
        }
    }
    sent += send_for_nothing(control.port(), events);
    for (unsigned number = 0; number < device_count; ++number) {
        kind->use(devices[number], random);
    }
    print("flooded with %lu events\n", sent);
    // The control domain's count of a device's interrupts goes with the device.
    while (!devices[0].is_gone()) {
        sleep_for(device_patience);
    }
}

// The answer to each state of the back end, as soon as it is there.
[[noreturn]] void follow_states(FrontDevice &device) {
    device.start_over();
    device.ask(1, 0);
    print("following\n");
    for (uint64_t turn = 0;; ++turn) {
        const uint32_t back = device.back_state();
        const uint32_t state = back == RINGFOLD_STATE_OFFERED     ? RINGFOLD_STATE_ASKED
                               : back == RINGFOLD_STATE_CONNECTED ? RINGFOLD_STATE_CLOSED
                                                                  : RINGFOLD_STATE_NONE;
        __atomic_store_n(&device.page()->front_state, state, __ATOMIC_RELEASE);
        // Should nobody look any more.
        if (turn % 65536 == 0) {
            device.control().notify();
        }
    }
}

}  // namespace

void check_thrown_out(FrontDevice &device, const char *what) {
    const bool closed = wait_until([&] { return device.back_state() == RINGFOLD_STATE_CLOSED; });
    check(closed && device.page()->error == RINGFOLD_EINVAL, "%s: state %u, error %u", what, device.back_state(),
          device.page()->error);
    device.start_over();
}

void scribble(const BorrowedPages &pages, uint32_t port, unsigned words, Random &random) {
    for (unsigned word = 0; word < words; ++word) {
        // The first page has what matters most.
        const uint64_t size = random.below(2) == 0 ? page_size : pages.size();
        *pages.at<volatile uint32_t>(random.below(size / sizeof(uint32_t)) * sizeof(uint32_t)) =
            static_cast<uint32_t>(random.below(4) == 0 ? random.below(512) : random.next());
        if (random.below(64) == 0) {
            check(send_event(port).ok(), "an event while scribbling");
        }
    }
}

void attack_devices(const HostileKind &attacked) {
    kind = &attacked;
    Random random(choose_seed());
    control.open();
    find_devices();
    for (unsigned number = 0; number < device_count; ++number) {
        connect(devices[number]);
        kind->use(devices[number], random);
    }
    print("connected\n");
    if (const uint64_t events = command_line_number("flood", 0); events != 0) {
        flood_all(events, random);
    } else if (command_line_number("follow", 0) != 0) {
        follow_states(devices[0]);
    } else {
        attack_in_rounds(command_line_number("rounds", 1), random);
    }
}

}  // namespace guest
