// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/lib/log.hpp"

#include "hypervisor/lib/locked.hpp"
#include "hypervisor/lib/log_ring.hpp"

#include <array>
#include <atomic>

namespace ringfold {

namespace {

constexpr std::size_t ring_size = std::size_t{64} * 1024;
constexpr std::size_t longest_line = 320;  // the rest of a longer one is cut off

struct Log {
    LogRing<ring_size> ring;
    LogLevel console_level = LogLevel::info;
    ConsoleSink sink = nullptr;
};

constinit Locked<Log, LockRank::log> the_log;

// Set once each while one CPU runs, or changed to a value that is as good; read by all.
constinit std::atomic<LogClock> log_clock = nullptr;
constinit std::atomic<LogCpu> log_cpu = nullptr;
constinit std::atomic<bool> lock_broken = false;
constinit std::atomic<bool> has_grown = false;

constexpr std::array<std::string_view, 4> level_names{"error", "warning", "info", "debug"};

void begin_line(FormatBuffer &line) {
    if (const LogClock clock = log_clock.load(std::memory_order_relaxed); clock != nullptr) {
        const uint64_t microseconds = clock() / 1000;
        format_to(line, "[{:>4}.{:06}] ", microseconds / 1'000'000, microseconds % 1'000'000);
    }
    if (const LogCpu cpu = log_cpu.load(std::memory_order_relaxed); cpu != nullptr) {
        format_to(line, "({}) ", cpu());
    }
}

// False: refused by the console, and not kept either.
bool emit(Log &log, std::string_view text, bool shown, LineOf whose) {
    if (shown && log.sink != nullptr && !log.sink(text, whose)) {
        return false;
    }
    log.ring.write(text);
    log.ring.write("\n");
    has_grown.store(true, std::memory_order_relaxed);
    return true;
}

template <typename Action>
void with_log(Action &&action) {
    if (lock_broken.load(std::memory_order_relaxed)) {
        action(the_log.without_lock());
    } else {
        auto log = the_log.lock();
        action(*log);
    }
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
    for (std::size_t level = 0; level < level_names.size(); ++level) {
        if (level_names[level] == name) {
            return static_cast<LogLevel>(level);
        }
    }
    return std::nullopt;
}

void set_console_level(LogLevel level) { the_log.lock()->console_level = level; }
void set_console_sink(ConsoleSink sink) { the_log.lock()->sink = sink; }
void set_log_clock(LogClock nanoseconds) { log_clock.store(nanoseconds, std::memory_order_relaxed); }
void set_log_cpu(LogCpu current) { log_cpu.store(current, std::memory_order_relaxed); }
void log_without_lock() { lock_broken.store(true, std::memory_order_relaxed); }

// Relaxed: the text itself is read under the lock, later. A line that comes in between sets the flag again.
bool take_log_growth() {
    return has_grown.load(std::memory_order_relaxed) && has_grown.exchange(false, std::memory_order_relaxed);
}

std::size_t read_log(uint64_t &position, std::span<char> target) {
    std::size_t copied = 0;
    with_log([&](Log &log) { copied = log.ring.read(position, target); });
    return copied;
}

namespace {

bool log_line_of(DomainId domain, std::string_view text, LineOf whose) {
    std::array<char, longest_line> storage;
    FormatBuffer line{storage};
    format_to(line, "(d{}) {}", domain, text);
    bool taken = false;
    with_log([&](Log &log) { taken = emit(log, line.view(), true, whose); });
    return taken;
}

}  // namespace

bool log_guest(DomainId domain, std::string_view text) { return log_line_of(domain, text, LineOf::domain); }

void log_last_of_guest(DomainId domain, std::string_view text) {
    static_cast<void>(log_line_of(domain, text, LineOf::hypervisor));
}

void log_erased(LogLevel level, std::string_view format, std::span<const FormatArgument> arguments) {
    std::array<char, longest_line> storage;
    FormatBuffer line{storage};
    begin_line(line);
    line.append(level_names[static_cast<std::size_t>(level)]);
    line.append(": ");
    format_erased(line, format, arguments);
    with_log([&line, level](Log &log) {
        static_cast<void>(emit(log, line.view(), level <= log.console_level, LineOf::hypervisor));
    });
}

}  // namespace ringfold
