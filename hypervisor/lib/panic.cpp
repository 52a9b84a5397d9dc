// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/lib/panic.hpp"

#include "hypervisor/cpu/backtrace.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/lib/lock_rank.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/platform/power.hpp"
#include "hypervisor/platform/serial_output.hpp"

#include <atomic>

namespace ringfold {

namespace {

constexpr uint8_t exit_code_of_a_panic = 1;
constexpr uint64_t patience = 200'000'000;  // polls for the other CPUs' reports

constinit std::atomic<StopOthers> stop_others = nullptr;

// Which CPU panicked first, plus one; 0 while none has. Only one reports at a time: `reports_done` counts the CPUs that
// have finished, and `reporting` is held by the one that writes.
constinit std::atomic<uint32_t> owner = 0;
constinit std::atomic_flag reporting;
constinit std::atomic<uint32_t> reports_done = 0;

void log_control_registers() {
    log_error("cr0 {:016x} cr2 {:016x} cr3 {:016x} cr4 {:016x}", read_cr0(), read_cr2(), read_cr3(), read_cr4());
}

void report(const EntryFrame *registers) {
    if (registers != nullptr) {
        log_registers(LogLevel::error, *registers);
    }
    log_control_registers();
    log_error("back trace of cpu {}:", current_cpu());
    if (registers != nullptr) {
        log_backtrace(LogLevel::error, collect_backtrace(registers->rip, registers->rbp));
    } else {
        log_backtrace(LogLevel::error, collect_backtrace(reinterpret_cast<uint64_t>(__builtin_return_address(0)),
                                                         *static_cast<const uint64_t *>(__builtin_frame_address(0))));
    }
}

// Another CPU's report; its text must not run into that of a CPU that reports at the same time.
[[noreturn]] void report_and_stop(const EntryFrame *registers) {
    // Acquire and release: the log is used without its lock, by one CPU at a time.
    while (reporting.test_and_set(std::memory_order_acquire)) {
        relax();
    }
    report(registers);
    reporting.clear(std::memory_order_release);
    reports_done.fetch_add(1, std::memory_order_release);
    halt_forever();
}

void collect_other_reports() {
    const StopOthers stop = stop_others.load(std::memory_order_relaxed);
    if (stop == nullptr || online_cpus().size() < 2) {
        return;
    }
    reporting.clear(std::memory_order_release);
    stop();
    const uint32_t expected = online_cpus().size() - 1;
    for (uint64_t poll = 0; poll < patience && reports_done.load(std::memory_order_acquire) < expected; ++poll) {
        relax();
    }
    if (const uint32_t done = reports_done.load(std::memory_order_acquire); done < expected) {
        log_error("{} of {} other CPUs did not answer", expected - done, expected);
    }
}

}  // namespace

void set_panic_stop(StopOthers stop) { stop_others.store(stop, std::memory_order_relaxed); }

bool panic_in_progress() { return owner.load(std::memory_order_acquire) != 0; }

void panic_stop(const EntryFrame &registers) { report_and_stop(&registers); }

void panic_erased(const EntryFrame *registers, std::string_view format, std::span<const FormatArgument> arguments) {
    asm volatile("cli" : : : "memory");
    const uint32_t self = current_cpu().raw() + uint32_t{1};
    uint32_t first = 0;
    // Success: this CPU ends the machine. Failure: another one does, or this one panicked while it was panicking.
    if (!owner.compare_exchange_strong(first, self, std::memory_order_acq_rel, std::memory_order_acquire)) {
        if (first == self) {
            log_erased(LogLevel::error, format, arguments);
            log_error("RINGFOLD PANIC: a second panic while reporting the first");
            power_off(exit_code_of_a_panic);
        }
        report_and_stop(registers);
    }
    reporting.test_and_set(std::memory_order_acquire);
    log_without_lock();
    finish_serial_output_without_lock();
    log_erased(LogLevel::error, format, arguments);
    report(registers);
    collect_other_reports();

    std::array<char, 256> storage;
    FormatBuffer reason{storage};
    format_erased(reason, format, arguments);
    log_error("RINGFOLD PANIC: {}", reason.view());
    power_off(exit_code_of_a_panic);
}

void lock_order_broken(LockRank rank) { panic("a lock of rank {} taken out of order", static_cast<unsigned>(rank)); }

}  // namespace ringfold
