// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/serial_output.hpp"

#include "hypervisor/cpu/translations.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/platform/output_pump.hpp"
#include "hypervisor/platform/serial.hpp"
#include "hypervisor/platform/time.hpp"

#include <atomic>

namespace ringfold {

namespace {

constexpr std::size_t queue_size = std::size_t{64} * 1024;  // 5.7 s of a line at 115,200 baud

constinit Locked<OutputPump<SerialPort, queue_size>, LockRank::serial_output> output;
constinit std::atomic<bool> lock_broken = false;  // relaxed: set in a panic, which nothing is ordered with

template <typename Action>
decltype(auto) with_output(Action &&action) {
    if (lock_broken.load(std::memory_order_relaxed)) {
        return action(output.without_lock());
    }
    auto locked = output.lock();
    return action(*locked);
}

}  // namespace

bool write_serial_line(std::string_view line, LineOf whose) {
    return with_output([&](auto &pump) { return pump.write(line, whose); });
}

std::size_t write_serial_bytes(std::span<const char> bytes) {
    return with_output([&](auto &pump) { return pump.write_raw({bytes.data(), bytes.size()}); });
}

void begin_serial_interrupts() {
    // Half of what a visit may take: it is the visit's last line that may use it up.
    const OutputTimes times{.budget = visit_ticks() / 2, .retry = tsc_kilohertz(), .patience = 1000 * tsc_kilohertz()};
    with_output([&times](auto &pump) { pump.queue_from_now_on(times); });
    resume_serial_output();
}

void resume_serial_output() {
    with_output([](auto &pump) { pump.handle_interrupt(); });
}

void finish_serial_output() {
    with_output([](auto &pump) { pump.finish(); });
    wait_until_serial_is_sent();
}

void finish_serial_output_without_lock() {
    lock_broken.store(true, std::memory_order_relaxed);
    finish_serial_output();
}

}  // namespace ringfold
