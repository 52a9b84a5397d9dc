// SPDX-License-Identifier: Apache-2.0
// guest: icount=1 timeout=60
//
// What a domain writes to a console that is logged keeps no CPU with interrupts off: the most that one call takes, as
// whole lines, as empty ones, as characters that are shown escaped, and as a line without end. Expected: each call is
// over within a millisecond (under -icount an instruction takes 1 ns), told how far it came if need be, and issuing the
// rest comes to the end. With `numbered` on the command line it writes numbered lines instead, more than the hypervisor
// queues, for a test that reads them at the other end of a slow line (tests/system/test_console.py).
#include "framework/guest.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

using namespace guest;

namespace {

constexpr uint64_t bound = 1 * millisecond;
constexpr uint64_t most = 4096;
constexpr unsigned numbered_lines = 1500;

Result write(uint64_t offset, uint64_t length) { return hypercall(RINGFOLD_HYPERCALL_CONSOLE_WRITE, offset, length); }

void flood(const char *what, std::string_view pattern) {
    constexpr unsigned rounds = 4;
    uint64_t longest = 0;
    for (uint64_t index = 0; index < most; ++index) {
        call_buffer<char>()[index] = pattern[index % pattern.size()];
    }
    for (uint64_t done = 0; done < rounds * most;) {
        const uint64_t begin = system_time();
        const Result result = write(done % most, most - done % most);
        longest = std::max(longest, system_time() - begin);
        const bool is_all = result.value == most - done % most;
        check(result.status == (is_all ? 0 : -RINGFOLD_EAGAIN), "%s: status %ld, %lu bytes", what, result.status,
              result.value);
        check(result.value > 0, "%s: it gets on", what);
        if (result.value == 0) {
            return;
        }
        done += result.value;
    }
    print("\n%s: the longest %lu us\n", what, longest / microsecond);
    check(longest < bound, "%s: one call took %lu us", what, longest / microsecond);
}

}  // namespace

void guest_main() {
    check_result(write(0, 0), 0, 0, "no bytes");
    if (std::string_view{start_info().command_line} == "numbered") {
        for (unsigned number = 0; number < numbered_lines; ++number) {
            print("line %u of what is more than the hypervisor keeps for a line that is slow\n", number);
        }
        return;
    }
    flood("lines", "sixty-four characters make a line that is of an ordinary length\n");
    flood("empty lines", "\n");
    flood("control characters", std::string_view{"\0", 1});
    flood("a line without end", "x");
}
