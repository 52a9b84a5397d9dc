// SPDX-License-Identifier: Apache-2.0
//
// What was typed and not yet read: the newest bytes are dropped, and counted, when the reader does not keep up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ringfold {

class InputBuffer {
  public:
    static constexpr std::size_t capacity = 512;

    [[nodiscard]] constexpr bool empty() const { return written_ == taken_; }
    [[nodiscard]] constexpr std::size_t room() const { return capacity - static_cast<std::size_t>(written_ - taken_); }
    [[nodiscard]] constexpr uint64_t lost() const { return lost_; }

    // Takes as much as there is room for; returns how much.
    constexpr std::size_t put(std::span<const char> bytes) {
        std::size_t done = 0;
        while (done < bytes.size() && room() > 0) {
            bytes_[written_++ % capacity] = bytes[done++];
        }
        return done;
    }
    // The same for a source that cannot wait: the rest is lost.
    constexpr void put_or_lose(std::span<const char> bytes) { lost_ += bytes.size() - put(bytes); }

    // Moves the oldest bytes to `target`; returns how many.
    constexpr std::size_t take(std::span<char> target) {
        std::size_t done = 0;
        while (done < target.size() && !empty()) {
            target[done++] = bytes_[taken_++ % capacity];
        }
        return done;
    }

  private:
    std::array<char, capacity> bytes_{};
    uint64_t written_ = 0;  // ever
    uint64_t taken_ = 0;
    uint64_t lost_ = 0;
};

}  // namespace ringfold
