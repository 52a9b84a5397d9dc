// SPDX-License-Identifier: Apache-2.0
// guest: rights=0 beside=hello
//
// A domain that holds no right tries every hypercall of the table that needs one, with arguments that are right and
// with arguments that are not, on another domain and on itself. Expected: EPERM from each, whatever else is wrong, so
// that nothing is learnt; and for calls that need a right only to act on another domain, that they act on the caller.
#include "framework/guest.hpp"

#include <ringfold/debug.h>
#include <ringfold/domain.h>

using namespace guest;

namespace {

struct Row {
    const char *name;
    uint64_t right;
    uint64_t right_for_another;
};

#define HYPERCALL(number, name, right, right_for_another, second, ...) {#name, right, right_for_another},
constexpr Row rows[] = {
#include <ringfold/dispatch_table.inc>
};

constexpr uint32_t other_domain = 2;
constexpr uint32_t nobody = 3000;

void check_refused(uint64_t number, const Row &row, uint64_t first) {
    for (const uint64_t rest : Words{0, 1, 512, 0xffff'ffff}) {
        const Result result = hypercall(number, first, rest, rest);
        check(result.status == -RINGFOLD_EPERM && result.value == 0, "%s(0x%lx, 0x%lx): status %ld value 0x%lx",
              row.name, first, rest, result.status, result.value);
    }
}

uint64_t describe_calls() {
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ, RINGFOLD_DOMAIN_SELF, 0), 0, "its own counters");
    return call_buffer<ringfold_counters>()->hypercalls[RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE];
}

}  // namespace

void guest_main() {
    unsigned privileged = 0;
    for (uint64_t number = 0; number < RINGFOLD_HYPERCALL_COUNT; ++number) {
        const Row &row = rows[number];
        if (row.right != 0) {
            for (const uint64_t first :
                 Words{0, start_info().domain_id, RINGFOLD_DOMAIN_SELF, other_domain, nobody, ~0ULL}) {
                check_refused(number, row, first);
            }
        } else if (row.right_for_another != 0) {
            check_refused(number, row, other_domain);
            check_refused(number, row, nobody);
        }
        privileged += (row.right | row.right_for_another) == 0 ? 0 : 1;
    }
    check(privileged >= 9, "%u calls of %u need a right", privileged, RINGFOLD_HYPERCALL_COUNT);
    const uint64_t described = describe_calls();
    const Result own = hypercall(RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE, RINGFOLD_DOMAIN_SELF, 0);
    check_status(own, 0, "describing oneself");
    check_equal(call_buffer<ringfold_domain_info>()->rights, 0, "the caller's rights");
    check_equal(describe_calls(), described + 1, "what was counted of the caller");
}
