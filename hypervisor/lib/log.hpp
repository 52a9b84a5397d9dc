// SPDX-License-Identifier: Apache-2.0
//
// The log: lines of the form `[seconds.micros] (cpu) level: text`, kept in a ring and shown on the console. The ring
// has every line; the console only those up to the level chosen with `loglevel=` on the command line.
#pragma once

#include "hypervisor/lib/format.hpp"
#include "hypervisor/lib/format_units.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ringfold {

enum class LogLevel : uint8_t { error, warning, info, debug };

[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view name);
void set_console_level(LogLevel level);

enum class LineOf : uint8_t { hypervisor, domain };

// Where lines go, without their ends, besides the ring; none at first. Called with the log's lock held. False: there is
// no room for a line of a domain's now.
using ConsoleSink = bool (*)(std::string_view line, LineOf whose);
void set_console_sink(ConsoleSink sink);

// Nanoseconds since boot, and this CPU; until they are set lines carry neither.
using LogClock = uint64_t (*)();
void set_log_clock(LogClock nanoseconds);
using LogCpu = CpuId (*)();
void set_log_cpu(LogCpu current);

// A panic logs past the lock from now on: its holder may be what was interrupted.
void log_without_lock();

// Copies logged bytes from `position` on, at most as many as fit; moves `position` behind them.
[[nodiscard]] std::size_t read_log(uint64_t &position, std::span<char> target);

// True once after something was logged: whoever is told of it reads on.
[[nodiscard]] bool take_log_growth();

// One line that a domain wrote to its console, always shown: `(d<domain>) text`, which no line of ours begins with.
// False: there was no room on the console, and nothing was logged.
[[nodiscard]] bool log_guest(DomainId domain, std::string_view text);
// The same for one that cannot be written again: where there is no room on the console, it is in the ring alone.
void log_last_of_guest(DomainId domain, std::string_view text);

void log_erased(LogLevel level, std::string_view format, std::span<const FormatArgument> arguments);

template <typename... Args>
void log_at(LogLevel level, FormatString<Args...> format, const Args &...args) {
    const std::array<FormatArgument, sizeof...(Args)> arguments{format_argument(args)...};
    log_erased(level, format.text(), arguments);
}
template <typename... Args>
void log_error(FormatString<Args...> format, const Args &...args) {
    log_at<Args...>(LogLevel::error, format, args...);
}
template <typename... Args>
void log_warning(FormatString<Args...> format, const Args &...args) {
    log_at<Args...>(LogLevel::warning, format, args...);
}
template <typename... Args>
void log_info(FormatString<Args...> format, const Args &...args) {
    log_at<Args...>(LogLevel::info, format, args...);
}
template <typename... Args>
void log_debug(FormatString<Args...> format, const Args &...args) {
    log_at<Args...>(LogLevel::debug, format, args...);
}

}  // namespace ringfold
