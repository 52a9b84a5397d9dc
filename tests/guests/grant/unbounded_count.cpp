// SPDX-License-Identifier: Apache-2.0
// guest: memory=8M timeout=60
//
// CVE-2012-5515: no call loops as long as a guest says. Each call that takes a count refuses one past its documented
// limit (ERANGE), one whose bytes are not within the call buffer (EFAULT), and those whose size in bytes wraps around
// 2^64 to something small; the progress is 0, nothing in the call buffer changes, and the call is over at once.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t mark = 0x1234'5678'9abc'def0;

void check_call(uint64_t number, const char *what) {
    for (const uint64_t count : Words{513, 1ULL << 32, 1ULL << 59, 1ULL << 60, 1ULL << 61, 1ULL << 63, ~0ULL,
                                      ~0ULL / 24 + 1, ~0ULL / 40 + 1}) {
        const uint64_t begin = system_time();
        check_result(hypercall(number, 0, count), -RINGFOLD_ERANGE, 0, what);
        check(system_time() - begin < 100 * millisecond, "%s: took %lu ns", what, system_time() - begin);
    }
    for (const uint64_t offset : Words{call_buffer_size, call_buffer_size - 1, 1ULL << 63, ~0ULL, ~0ULL - 7}) {
        check_result(hypercall(number, offset, 1), -RINGFOLD_EFAULT, 0, what);
    }
    check_result(hypercall(number, 0, RINGFOLD_GRANT_BATCH_MAX + 1), -RINGFOLD_ERANGE, 0, what);
    check_result(hypercall(number, 0, 0), 0, 0, what);
}

}  // namespace

void guest_main() {
    auto *words = call_buffer<uint64_t>();
    for (uint64_t i = 0; i < page_size / 8; ++i) {
        words[i] = mark;
    }
    check_call(RINGFOLD_HYPERCALL_GRANT_MAP, "grant_map");
    check_call(RINGFOLD_HYPERCALL_GRANT_UNMAP, "grant_unmap");
    check_call(RINGFOLD_HYPERCALL_GRANT_COPY, "grant_copy");
    check_call(RINGFOLD_HYPERCALL_GRANT_TRANSFER, "grant_transfer");
    for (uint64_t i = 0; i < page_size / 8; ++i) {
        check(words[i] == mark, "word %lu of the call buffer is 0x%lx", i, words[i]);
    }
}
