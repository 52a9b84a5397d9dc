// SPDX-License-Identifier: Apache-2.0
//
// Bytes that wait, in their order. What there is no room for is not taken.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ringfold {

template <std::size_t N>
class ByteQueue {
    static_assert((N & (N - 1)) == 0, "positions wrap with a mask");

  public:
    static constexpr std::size_t capacity = N;

    // A panic uses a queue without its lock: whatever the positions say then, there is an end to it.
    [[nodiscard]] constexpr std::size_t size() const {
        const uint64_t size = written_ - taken_;
        return size <= N ? size : 0;
    }
    [[nodiscard]] constexpr bool empty() const { return size() == 0; }
    [[nodiscard]] constexpr std::size_t room() const { return N - size(); }

    // Takes as much as there is room for; returns how much.
    constexpr std::size_t put(std::span<const char> bytes) {
        const std::span fitting = bytes.first(bytes.size() < room() ? bytes.size() : room());
        for (const char byte : fitting) {
            bytes_[written_++ & (N - 1)] = byte;
        }
        return fitting.size();
    }

    // The oldest byte. Not of an empty queue.
    [[nodiscard]] constexpr char take() { return bytes_[taken_++ & (N - 1)]; }
    // Moves the oldest bytes to `target`; returns how many.
    constexpr std::size_t take(std::span<char> target) {
        std::size_t done = 0;
        while (done < target.size() && !empty()) {
            target[done++] = take();
        }
        return done;
    }

    constexpr void clear() { taken_ = written_; }

  private:
    std::array<char, N> bytes_{};
    uint64_t written_ = 0;  // ever
    uint64_t taken_ = 0;
};

}  // namespace ringfold
