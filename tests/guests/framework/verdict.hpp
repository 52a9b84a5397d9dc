// SPDX-License-Identifier: Apache-2.0
//
// Verdicts: SUCCESS < SKIP < ERROR (the test is wrong) < FAILURE (the hypervisor is wrong). The last line that a guest
// prints is its verdict; a guest without one crashed. The domain's exit code is 0 for SUCCESS and SKIP.
#pragma once

#include "framework/hypercall.hpp"

#include <cstdint>

namespace guest {

// Counts an assertion; a false one prints its text and makes the verdict FAILURE, and the test goes on.
[[gnu::format(printf, 2, 3)]] bool check(bool holds, const char *text, ...);
bool check_equal(uint64_t actual, uint64_t expected, const char *what);
// A hypercall's status and second result; `status` as 0 or a negated RINGFOLD_E*.
bool check_result(Result actual, int64_t status, uint64_t value, const char *what);
// The same where the second result is 0.
bool check_status(Result actual, int64_t status, const char *what);

[[gnu::format(printf, 1, 2)]] void failure(const char *text, ...);
[[noreturn, gnu::format(printf, 1, 2)]] void skip(const char *text, ...);
[[noreturn, gnu::format(printf, 1, 2)]] void error(const char *text, ...);
// A failure after which the test cannot go on.
[[noreturn, gnu::format(printf, 1, 2)]] void fatal_failure(const char *text, ...);

// The domain is about to be ended by the hypervisor, as it should: the verdict is then SUCCESS unless the guest lives
// on. (The runner wants this line *and* the crash: `expect=crash` in the test's header.)
void expect_domain_crash();

// Audits the domain's frames (debug builds), prints the verdict, ends the domain.
[[noreturn]] void finish();

}  // namespace guest
