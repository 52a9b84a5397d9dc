// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x8b
//
// The console of another domain, a child that writes a text and then echoes its input. Expected: its output is read
// byte for byte, control characters included, by event, without a gap, and is not in the log; input that it has no room
// for is not taken, and room is told; what the ring could not keep is counted exactly; refusals take and change
// nothing.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <ringfold/console.h>

#include <cstring>
#include <string_view>

using namespace guest;

namespace {

#define TEXT "\x1b[2Jchild\t\x01\n"
constexpr std::string_view text{TEXT};
static_assert(text.size() == child_text_size);
constinit uint32_t port = 0;

Result read(uint64_t domain, uint64_t position, uint64_t offset, uint64_t length) {
    const ringfold_hypercall_result result =
        ringfold_hypercall(RINGFOLD_HYPERCALL_DOMAIN_CONSOLE_READ, domain, position, offset, length, 0, 0);
    return {result.status, result.value};
}

Result write(uint64_t domain, std::string_view bytes) {
    std::memcpy(call_buffer_bytes(), bytes.data(), bytes.size());
    return hypercall(RINGFOLD_HYPERCALL_DOMAIN_CONSOLE_WRITE, domain, 0, bytes.size());
}

// Reads until `length` bytes came from `position` on, which moves behind them; each byte must be `expected(index)`.
template <typename Expected>
void expect_output(const Child &child, uint64_t &position, uint64_t length, Expected &&expected) {
    const uint64_t end = system_time() + 10'000 * millisecond;
    for (uint64_t done = 0; done < length && system_time() < end;) {
        const uint64_t rest = length - done;
        const Result result = read(child.id, position, 0, rest < 100 ? rest : 100);
        const auto &part = *call_buffer<const ringfold_log_part>();
        check(result.ok() && result.value == part.length && part.next == position + part.length,
              "a part of %lu bytes at %lu, next %lu, status %ld", part.length, position, part.next, result.status);
        for (uint64_t index = 0; index < part.length; ++index) {
            const char c = call_buffer<const char>(sizeof part)[index];
            check(c == expected(done + index), "byte %lu of the output", done + index);
        }
        position = part.next;
        done += part.length;
        if (part.length == 0) {
            check_equal(wait_for_event(), port, "the event of the child's output");
        }
    }
}

void check_refusals(uint32_t child) {
    constexpr uint32_t nobody = 3000;
    auto *words = call_buffer<uint64_t>();
    words[0] = words[1] = 0x5a5a;
    check_status(read(nobody, 0, 0, 1), -RINGFOLD_ENOENT, "reading nobody's console");
    check_status(read(child, 0, 0, RINGFOLD_LOG_PART_MAX + 1), -RINGFOLD_ERANGE,
                 "reading more than there can be at once");
    check_status(read(child, 0, call_buffer_size - 16, 1), -RINGFOLD_EFAULT, "reading past the call buffer");
    check_status(write(nobody, "x"), -RINGFOLD_ENOENT, "writing to nobody's console");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_CONSOLE_WRITE, child, 0, RINGFOLD_CONSOLE_INPUT_MAX + 1),
                 -RINGFOLD_ERANGE, "writing more than there can be at once");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_CONSOLE_WRITE, child, call_buffer_size, 1), -RINGFOLD_EFAULT,
                 "writing from past the call buffer");
    check_equal(words[1], 0x5a5a, "the call buffer after what was refused");
    check_result(read(child, ~0ULL, 0, 16), 0, 0, "output of one that never wrote");
    check_equal(call_buffer<const ringfold_log_part>()->next, 0, "its end");
}

// Output that nobody reads: 40 times 512 bytes. What is left is the newest, and the rest is counted.
void overflow_ring(const Child &child, uint64_t position) {
    constexpr uint64_t rounds = 40;
    char part[512];
    std::memset(part, 'o', sizeof part);
    uint64_t sent = 0;
    while (sent < rounds * sizeof part) {
        const uint64_t rest = rounds * sizeof part - sent;
        const Result result = write(child.id, {part, rest < sizeof part ? rest : sizeof part});
        check_equal(static_cast<uint64_t>(result.status), 0, "input in a row");
        sent += result.value;
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    const uint64_t end = position + sent;
    const uint64_t deadline = system_time() + 10'000 * millisecond;
    while (read(child.id, end - 1, 0, 1).value == 0 && system_time() < deadline) {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    const Result result = read(child.id, position, 0, 64);
    const auto &answer = *call_buffer<const ringfold_log_part>();
    check_result(result, 0, 64, "the oldest that is left");
    check_equal(answer.next, end - 8192 + 64, "its position: the ring keeps 8 KiB");
    check_equal(call_buffer<const uint8_t>(sizeof answer)[0], uint8_t{'o'}, "its first byte");
}

}  // namespace

void guest_main() {
    port = bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_DOMAIN_CONSOLE);
    const Child child = create_child();
    fill_child(child);
    const uint64_t buffer = child.frames[Child::buffer].number;
    *call_buffer<ringfold_domain_copy_element>() = {
        .frame = buffer, .buffer_offset = 512, .frame_offset = 0, .length = text.size()};
    std::memcpy(call_buffer_bytes() + 512, text.data(), text.size());
    const ringfold_hypercall_result copied = ringfold_domain_copy(child.id, RINGFOLD_DOMAIN_COPY_IN, 0, 1);
    check_equal(static_cast<uint64_t>(copied.status), 0, "the child's text");
    check_refusals(child.id);
    while (take_event() != 0) {
    }

    char input[RINGFOLD_CONSOLE_INPUT_MAX];
    for (unsigned index = 0; index < sizeof input; ++index) {
        input[index] = static_cast<char>('a' + index % 23);
    }
    check_result(write(child.id, {input, 300}), 0, 300, "input for one that does not run yet");
    check_result(write(child.id, {input + 300, 300 - 88 + 1}), 0, 212, "input that fills its buffer");
    check_result(write(child.id, "z"), 0, 0, "input without room");
    check_equal(take_event(), 0, "an event before the child runs");

    check_status(start_child(child, child_context(child, child_echoes_console, buffer)), 0, "starting it");
    check_equal(wait_for_event(), port, "the event of its text, or of its room");
    uint64_t position = 0;
    expect_output(child, position, text.size(), [](uint64_t index) { return text[index]; });
    expect_output(child, position, sizeof input, [&](uint64_t index) { return input[index]; });
    check_result(write(child.id, "again"), 0, 5, "more input");
    expect_output(child, position, 5, [](uint64_t index) { return "again"[index]; });
    overflow_ring(child, position);

    check_status(destroy_domain(child.id), 0, "domain_destroy");
    check_status(read(child.id, 0, 0, 1), -RINGFOLD_ENOENT, "reading a console that is gone");
    check_status(write(child.id, "x"), -RINGFOLD_ENOENT, "writing to it");
}
