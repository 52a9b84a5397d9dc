// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// Console input. Expected: a domain for which nothing was typed reads nothing; what leaves the call buffer, or is
// longer than allowed, is refused exactly, and nothing is written then. With "wait" on its command line (tests/system/
// test_console.py types the input) it reads by event, says what it read, byte by byte, and ends at a 'q'. With "slow"
// it sleeps before it reads, and says at the end only how much it read, and how much was lost.
#include "framework/guest.hpp"

#include <ringfold/console.h>

#include <string_view>

using namespace guest;

namespace {

Result read(uint64_t offset, uint64_t length) { return hypercall(RINGFOLD_HYPERCALL_CONSOLE_READ, offset, length); }

void check_refusals() {
    auto *words = call_buffer<uint64_t>();
    words[0] = words[1] = words[2] = 0x5a5a;
    check_status(read(0, RINGFOLD_CONSOLE_INPUT_MAX + 1), -RINGFOLD_ERANGE, "more than can be had at once");
    check_status(read(call_buffer_size - 16, 1), -RINGFOLD_EFAULT, "a byte past the call buffer");
    check_status(read(~0ULL - 7, 8), -RINGFOLD_EFAULT, "an offset that wraps");
    check_equal(words[0] + words[1] + words[2], 3 * 0x5a5a, "the call buffer after what was refused");
}

void check_empty() {
    auto *words = call_buffer<uint64_t>();
    check_result(read(0, 64), 0, 0, "reading what nobody typed");
    check_equal(words[0], 0, "bytes lost");
    check_equal(words[1], 0, "its length");
    check_equal(words[2], 0x5a5a, "behind the answer");
}

constinit bool is_slow = false;
constinit uint64_t total = 0;

// True: a 'q' was among it.
bool show(const char *text, uint64_t length) {
    bool ends = false;
    for (uint64_t index = 0; index < length; ++index) {
        if (!is_slow) {
            print("byte %lu\n", static_cast<uint64_t>(static_cast<unsigned char>(text[index])));
        }
        ends = ends || text[index] == 'q';
    }
    total += length;
    return ends;
}

// What comes meanwhile is read afterwards.
void sleep(uint64_t duration) {
    const uint64_t end = system_time() + duration;
    while (system_time() < end) {
        arm_timer(end - system_time());
        hypercall(RINGFOLD_HYPERCALL_BLOCK);
        disable_upcalls();
    }
    take_events([](uint32_t) {});
}

bool read_all() {
    constexpr uint64_t part = 200;
    for (;;) {
        const Result result = read(0, part);
        const auto &answer = *call_buffer<const ringfold_console_input>();
        check(result.ok() && result.value == answer.length && answer.length <= part, "console_read: status %ld",
              result.status);
        char text[part];
        for (uint64_t index = 0; index < answer.length; ++index) {
            text[index] = call_buffer<const char>(sizeof answer)[index];
        }
        const uint64_t lost = answer.lost;
        if (show(text, answer.length)) {
            print("total %lu lost %lu\n", total, lost);
            return true;
        }
        if (answer.length < part) {
            return false;
        }
    }
}

}  // namespace

void guest_main() {
    check_refusals();
    check_empty();
    const std::string_view command{start_info().command_line};
    is_slow = command == "slow";
    if (command != "wait" && !is_slow) {
        return;
    }
    const uint32_t port = bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_CONSOLE);
    print("ready\n");
    do {
        hypercall(RINGFOLD_HYPERCALL_BLOCK);
        disable_upcalls();
        check_equal(take_event(), port, "the event");
        if (is_slow) {
            sleep(50 * millisecond);
        }
    } while (!read_all());
}
