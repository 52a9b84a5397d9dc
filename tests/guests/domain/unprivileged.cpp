// SPDX-License-Identifier: Apache-2.0
// guest: rights=0 beside=hello
//
// A domain that holds no right tries every hypercall of the table that needs one, with arguments that are right and
// with arguments that are not, on another domain and on itself. Expected: EPERM from each, whatever else is wrong, so
// that nothing is learnt; and for calls that need a right only to act on another domain, that they act on the caller.
#include "framework/guest.hpp"

#include <ringfold/domain.h>

using namespace guest;

namespace {

enum class Needs { nothing, always, for_another };

struct Row {
    const char *name;
    Needs needs;
};

#define NEEDS_none Needs::nothing
#define NEEDS_control Needs::always
#define NEEDS_inspect Needs::always
#define NEEDS_schedule Needs::always
#define NEEDS_console Needs::always
#define NEEDS_hardware Needs::always
#define NEEDS_machine Needs::always
#define NEEDS_trace Needs::always
#define NEEDS_debug Needs::always
#define NEEDS_control_of_another Needs::for_another
#define NEEDS_inspect_of_another Needs::for_another
#define NEEDS_schedule_of_another Needs::for_another
#define NEEDS_console_of_another Needs::for_another
#define HYPERCALL(number, name, rights, second, ...) {#name, NEEDS_##rights},
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

}  // namespace

void guest_main() {
    unsigned privileged = 0;
    for (uint64_t number = 0; number < RINGFOLD_HYPERCALL_COUNT; ++number) {
        const Row &row = rows[number];
        if (row.needs == Needs::always) {
            for (const uint64_t first :
                 Words{0, start_info().domain_id, RINGFOLD_DOMAIN_SELF, other_domain, nobody, ~0ULL}) {
                check_refused(number, row, first);
            }
        } else if (row.needs == Needs::for_another) {
            check_refused(number, row, other_domain);
            check_refused(number, row, nobody);
        }
        privileged += row.needs == Needs::nothing ? 0 : 1;
    }
    check(privileged >= 9, "%u calls of %u need a right", privileged, RINGFOLD_HYPERCALL_COUNT);
    const Result own = hypercall(RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE, RINGFOLD_DOMAIN_SELF, 0);
    check_status(own, 0, "describing oneself");
    check_equal(call_buffer<ringfold_domain_info>()->rights, 0, "the caller's rights");
}
