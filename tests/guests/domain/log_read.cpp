// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x88
//
// The log, for a domain that may read it. Expected: read from position 0 in small and in large parts it is the same
// text, without a gap; it has the hypervisor's lines and this domain's own; what is printed afterwards is an event of
// the virtual interrupt and appears behind the position that was reached; a position far away reads nothing; limits
// and ranges outside the call buffer are refused exactly, and nothing is written then.
#include "framework/guest.hpp"

#include <ringfold/console.h>

#include <string_view>

using namespace guest;

namespace {

constexpr uint64_t most_read = 64 * 1024;
constinit char first_reading[most_read];
constinit char second_reading[most_read];

Result read(uint64_t position, uint64_t length) { return hypercall(RINGFOLD_HYPERCALL_LOG_READ, position, 0, length); }

// Everything from `position` on that fits; returns the text and moves the position behind it.
std::string_view read_all(uint64_t &position, uint64_t part, char *text, uint64_t limit) {
    uint64_t length = 0;
    while (length + part <= limit) {
        const Result result = read(position, part);
        const auto &answer = *call_buffer<const ringfold_log_part>();
        check(result.ok() && result.value == answer.length && answer.length <= part, "log_read: status %ld, %lu bytes",
              result.status, result.value);
        const char *bytes = call_buffer<const char>(sizeof answer);
        for (uint64_t index = 0; index < answer.length; ++index) {
            text[length++] = bytes[index];
        }
        position = answer.next;
        if (answer.length < part) {
            break;
        }
    }
    return {text, length};
}

bool contains(std::string_view text, std::string_view part) {
    for (size_t start = 0; start + part.size() <= text.size(); ++start) {
        if (std::string_view{text.data() + start, part.size()} == part) {
            return true;
        }
    }
    return false;
}

void check_refusals() {
    call_buffer<uint64_t>()[0] = 0x5a5a;
    check_status(read(0, RINGFOLD_LOG_PART_MAX + 1), -RINGFOLD_ERANGE, "more than a part");
    check_status(hypercall(RINGFOLD_HYPERCALL_LOG_READ, 0, call_buffer_size - 16, 1), -RINGFOLD_EFAULT,
                 "a byte past the call buffer");
    check_status(hypercall(RINGFOLD_HYPERCALL_LOG_READ, 0, ~0ULL, 16), -RINGFOLD_EFAULT, "an offset that wraps");
    check_equal(call_buffer<uint64_t>()[0], 0x5a5a, "the call buffer after what was refused");
}

}  // namespace

void guest_main() {
    check_refusals();
    print("a line of the guest's\n");
    uint64_t position = 0;
    const std::string_view small = read_all(position, 7, first_reading, most_read);
    check(contains(small, "Ringfold"), "the hypervisor's own lines are missing");
    check(contains(small, ") a line of the guest's\n"), "the guest's line is missing");
    uint64_t again = 0;
    const std::string_view large = read_all(again, 4000, second_reading, most_read);
    check(small == large && position == again, "%lu bytes up to %lu in small parts, %lu up to %lu in large ones",
          small.size(), position, large.size(), again);

    const uint32_t port = bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_LOG);
    while (take_event() != 0) {
    }
    print("another line\n");
    check_equal(wait_for_event(), port, "the event of the log");
    const std::string_view news = read_all(position, 512, first_reading, most_read);
    check(contains(news, ") another line\n"), "what was printed last is missing");
    check(!contains(news, "a line of the guest's"), "what was read is read again");

    check_result(read(~0ULL - 5000, 512), 0, 0, "a position far away");
    check_equal(call_buffer<const ringfold_log_part>()->length, 0, "its length");
}
