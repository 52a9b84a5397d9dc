// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x88 smp=2
//
// Debug keys by hypercall. Expected: what they show is in the log behind what was there; keys that there are not, and
// the one that restarts the machine (this domain may debug, but not do that), are refused exactly and show nothing.
#include "framework/guest.hpp"

#include <ringfold/console.h>

#include <string_view>

using namespace guest;

namespace {

Result press(uint64_t key) { return hypercall(RINGFOLD_HYPERCALL_DEBUG_KEY, key); }

constinit char text[64 * 1024];

// What the log got since `position`, which moves behind it.
std::string_view news(uint64_t &position) {
    uint64_t length = 0;
    for (;;) {
        const Result result = hypercall(RINGFOLD_HYPERCALL_LOG_READ, position, 0, 512);
        check_equal(static_cast<uint64_t>(result.status), 0, "log_read");
        const auto &part = *call_buffer<const ringfold_log_part>();
        for (uint64_t index = 0; index < part.length && length < sizeof text; ++index) {
            text[length++] = call_buffer<const char>(sizeof part)[index];
        }
        position = part.next;
        if (part.length < 512) {
            return {text, length};
        }
    }
}

bool contains(std::string_view where, std::string_view part) {
    for (size_t start = 0; start + part.size() <= where.size(); ++start) {
        if (std::string_view{where.data() + start, part.size()} == part) {
            return true;
        }
    }
    return false;
}

void expect(uint64_t &position, char key, std::string_view shown) {
    check_status(press(static_cast<uint64_t>(key)), 0, "a key");
    check(contains(news(position), shown), "key %lu does not show what it should", static_cast<uint64_t>(key));
}

}  // namespace

void guest_main() {
    uint64_t position = 0;
    while (!contains(news(position), ", entry 0x")) {  // the boot's line about this domain, which may run before it
    }
    for (const uint64_t key : Words{0, 'x', 'H', ' ', 0xff}) {
        check_status(press(key), -RINGFOLD_ENOENT, "no such key");
    }
    check_status(press(0x100 + 'h'), -RINGFOLD_ERANGE, "a key of nine bits");
    check_status(press('R'), -RINGFOLD_EPERM, "restarting the machine");
    check_equal(news(position).size(), 0, "what was logged by what was refused");

    expect(position, 'h', "  R  restart the machine");
    expect(position, 'c', "  hypercall log_read: ");
    expect(position, 'd', "cpu 0: ");
    expect(position, 'd', "cpu 1: ");
    expect(position, 'm', "  d1 debug_key: 4096 frames of at most 4096");
    expect(position, 'q', "  d1 debug_key: running, rights 0x88");
    expect(position, 'r', ": runs d1 v0, 0 wait");
    expect(position, 't', " ns since boot, TSC at ");
    check_status(press('a'), is_debug_hypervisor() ? 0 : -RINGFOLD_ENOENT, "the audit");
    check(contains(news(position), "audit: 0 frames with wrong counts") == is_debug_hypervisor(), "no audit");
}
