// SPDX-License-Identifier: Apache-2.0
#include "framework/verdict.hpp"

#include "framework/console.hpp"
#include "framework/format.hpp"
#include "framework/instructions.hpp"
#include "framework/memory.hpp"

#include <atomic>

namespace guest {
namespace {

enum class Verdict : uint32_t { success, skip, error, failure };

constexpr uint64_t power_off = 0;
constexpr unsigned most_failures_shown = 20;

// Relaxed: plain counts, read at the end by the vCPU that all others have reported to.
constinit std::atomic<unsigned> checks{0};
constinit std::atomic<unsigned> failures{0};

[[noreturn]] void end(Verdict verdict, const char *text) {
    static constexpr const char *names[] = {"SUCCESS", "SKIP", "ERROR", "FAILURE"};
    print("VERDICT: %s %s\n", names[static_cast<uint32_t>(verdict)], text);
    const bool good = verdict == Verdict::success || verdict == Verdict::skip;
    hypercall(RINGFOLD_HYPERCALL_SHUTDOWN, power_off, good ? 0 : static_cast<uint32_t>(verdict));
    for (;;) {
        relax();
    }
}

void report_failure(const char *text, va_list arguments) {
    const unsigned count = failures.fetch_add(1, std::memory_order_relaxed);
    if (count < most_failures_shown) {
        char line[512];
        format(line, sizeof line, text, arguments);
        print("FAILED: %s\n", line);
    }
}

void audit() {
    if (!is_debug_hypervisor()) {
        return;
    }
    const Result result = hypercall(RINGFOLD_HYPERCALL_DEBUG_AUDIT);
    if (result.status == -RINGFOLD_EPERM) {
        print("not audited: the domain holds no right to\n");
        return;
    }
    check(result.status == 0 && result.value == 0, "audit: status %ld, %lu frames with wrong counts", result.status,
          result.value);
}

}  // namespace

void failure(const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    report_failure(text, arguments);
    va_end(arguments);
}

bool check(bool holds, const char *text, ...) {
    checks.fetch_add(1, std::memory_order_relaxed);
    if (!holds) {
        va_list arguments;
        va_start(arguments, text);
        report_failure(text, arguments);
        va_end(arguments);
    }
    return holds;
}

bool check_equal(uint64_t actual, uint64_t expected, const char *what) {
    return check(actual == expected, "%s: is 0x%lx, should be 0x%lx", what, actual, expected);
}

bool check_result(Result actual, int64_t status, uint64_t value, const char *what) {
    return check(actual.status == status && actual.value == value, "%s: status %ld value 0x%lx, should be %ld 0x%lx",
                 what, actual.status, actual.value, status, value);
}

bool check_status(Result actual, int64_t status, const char *what) { return check_result(actual, status, 0, what); }

void skip(const char *text, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, text);
    format(line, sizeof line, text, arguments);
    va_end(arguments);
    end(Verdict::skip, line);
}

void error(const char *text, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, text);
    format(line, sizeof line, text, arguments);
    va_end(arguments);
    end(Verdict::error, line);
}

void fatal_failure(const char *text, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, text);
    format(line, sizeof line, text, arguments);
    va_end(arguments);
    end(Verdict::failure, line);
}

void expect_domain_crash() {
    check(true, "reached");
    print("EXPECT: CRASH after %u checks, %u failed\n", checks.load(std::memory_order_relaxed),
          failures.load(std::memory_order_relaxed));
}

void finish() {
    audit();
    const unsigned failed = failures.load(std::memory_order_relaxed);
    const unsigned total = checks.load(std::memory_order_relaxed);
    char line[64];
    format(line, sizeof line, "%u checks, %u failed", total, failed);
    if (failed != 0) {
        end(Verdict::failure, line);
    }
    end(total == 0 ? Verdict::error : Verdict::success, line);
}

}  // namespace guest
