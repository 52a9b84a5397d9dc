// SPDX-License-Identifier: Apache-2.0
//
// Lines go to a port that may be slow. At first, and again when the machine ends, a line has gone out when write()
// returns. In between nobody waits: what the port does not take at once is queued, and goes out from its interrupt.
//
//     write() --- queue empty? what the port takes within the budget ---> port
//        \------- the rest ----> queue --- the port's interrupt: the same ---^
//
// It knows no lock and no machine: `Port` is the port and the clock.
#pragma once

#include "hypervisor/lib/byte_queue.hpp"
#include "hypervisor/lib/format.hpp"
#include "hypervisor/lib/log.hpp"

#include <array>
#include <concepts>
#include <cstdint>
#include <string_view>

namespace ringfold {

template <typename T>
concept OutputPort = requires(T port, char c) {
    { port.can_send() } -> std::same_as<bool>;   // a burst of characters
    { port.burst() } -> std::same_as<unsigned>;  // so many, without asking again
    { port.send(c) } -> std::same_as<void>;
    { port.wait() } -> std::same_as<bool>;                      // until it can send; false: it seems that it never will
    { port.interrupt_when_ready(true) } -> std::same_as<void>;  // at once if it is ready by now; or not any more
    { port.ticks() } -> std::same_as<uint64_t>;                 // a clock
};

// In ticks of the port's clock.
struct OutputTimes {
    uint64_t budget;    // what sending may take at once, with interrupts off
    uint64_t retry;     // after which a writer looks at the port again, should an interrupt have been lost
    uint64_t patience;  // after which a port that takes nothing is taken for dead: what is queued is lost, then
};

template <OutputPort Port, std::size_t N>
class OutputPump {
  public:
    constexpr OutputPump() = default;
    constexpr explicit OutputPump(Port port) : port_(port) {}

    // From now on nobody waits for the port.
    constexpr void queue_from_now_on(OutputTimes times) {
        times_ = times;
        queues_ = true;
    }

    // The rest of the machine's life is too short for interrupts: sends what is queued, and everything later, at once.
    constexpr void finish() {
        queues_ = false;
        send_waiting();
    }

    // A line and its end. What is queued already goes out by interrupts, so that many lines cost no more than a few.
    // False: refused, for want of room; the last quarter of the queue is the hypervisor's. Its own lines are never
    // refused: nobody could write them again, and so they are lost and counted.
    constexpr bool write(std::string_view line, LineOf whose) {
        look_for_lost_interrupt();
        const bool was_idle = queue_.empty();
        std::array<char, 64> storage;
        FormatBuffer loss{storage};  // where something is missing, it is said
        if (within_line_) {
            loss.append(line_end);
        }
        if (lost_ > 0) {
            format_to(loss, "... {} bytes of output lost{}", lost_, line_end);
        }
        const std::size_t length = loss.view().size() + line.size() + line_end.size();
        if (queue_.room() < length + (whose == LineOf::domain ? kept_for_hypervisor : 0)) {
            return refuse(line.size() + line_end.size(), whose);
        }
        lost_ = 0;
        within_line_ = false;
        queue_.put(loss.view());
        queue_.put(line);
        queue_.put(line_end);
        send_what_came(was_idle);
        return true;
    }

    // A domain's bytes as they are; lines begin on one of their own again. How many found room, as for its lines.
    [[nodiscard]] constexpr std::size_t write_raw(std::string_view bytes) {
        look_for_lost_interrupt();
        const bool was_idle = queue_.empty();
        const std::size_t room = queue_.room() - std::min(queue_.room(), kept_for_hypervisor);
        const std::string_view taken = bytes.substr(0, room);
        if (taken.empty()) {
            return refuse(bytes.size(), LineOf::domain) ? bytes.size() : 0;
        }
        queue_.put(taken);
        within_line_ = taken.back() != '\n';
        send_what_came(was_idle);
        return taken.size();
    }

    constexpr void handle_interrupt() {
        send_some();
        port_.interrupt_when_ready(!queue_.empty());
    }

    [[nodiscard]] constexpr bool empty() const { return queue_.empty(); }
    [[nodiscard]] constexpr uint64_t lost() const { return lost_; }  // and not yet told

  private:
    static constexpr std::string_view line_end = "\r\n";
    static constexpr std::size_t kept_for_hypervisor = N / 4;

    constexpr void look_for_lost_interrupt() {
        if (queues_ && !queue_.empty() && port_.ticks() - tried_ >= times_.retry) {
            send_some();
        }
    }

    constexpr void send_what_came(bool was_idle) {
        if (!queues_) {
            send_waiting();
        } else if (was_idle) {
            progressed_ = port_.ticks();
            send_some();
            if (!queue_.empty()) {
                port_.interrupt_when_ready(true);
            }
        }
    }

    // A dead port holds nobody up.
    constexpr bool refuse(std::size_t size, LineOf whose) {
        const uint64_t now = port_.ticks();
        const bool is_dead = now > progressed_ && now - progressed_ > times_.patience;
        if (is_dead) {
            lost_ += queue_.size();
            queue_.clear();
        }
        if (whose == LineOf::domain && !is_dead) {
            return false;
        }
        lost_ += size;
        return true;
    }

    constexpr void send_some() {
        const uint64_t begin = port_.ticks();
        tried_ = begin;
        while (!queue_.empty() && port_.can_send()) {
            for (unsigned left = port_.burst(); left > 0 && !queue_.empty(); --left) {
                port_.send(queue_.take());
                progressed_ = port_.ticks();
                if (progressed_ - begin >= times_.budget) {
                    return;
                }
            }
        }
    }

    constexpr void send_waiting() {
        while (!queue_.empty()) {
            // It is waited for once, and then not before it has shown that it lives.
            gave_up_ = gave_up_ ? !port_.can_send() : !port_.wait();
            if (gave_up_) {
                queue_.clear();
                return;
            }
            for (unsigned left = port_.burst(); left > 0 && !queue_.empty(); --left) {
                port_.send(queue_.take());
            }
        }
    }

    Port port_{};
    ByteQueue<N> queue_;
    OutputTimes times_{};
    bool queues_ = false;
    uint64_t tried_ = 0;
    uint64_t progressed_ = 0;  // when the port last took something, or had nothing to take
    uint64_t lost_ = 0;
    bool within_line_ = false;  // of bytes that came as they are
    bool gave_up_ = false;      // it was waited for in vain
};

}  // namespace ringfold
