// SPDX-License-Identifier: Apache-2.0
//
// Bytes that wait for a slow port, in their order. What there is no room for is not taken.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringfold {

template <std::size_t N>
class OutputQueue {
    static_assert((N & (N - 1)) == 0, "positions wrap with a mask");

  public:
    static constexpr std::size_t capacity = N;

    // A panic uses the queue without its lock: whatever the positions say then, there is an end to it.
    [[nodiscard]] constexpr std::size_t size() const {
        const uint64_t size = written_ - taken_;
        return size <= N ? size : 0;
    }
    [[nodiscard]] constexpr bool empty() const { return size() == 0; }
    [[nodiscard]] constexpr std::size_t room() const { return N - size(); }

    constexpr void put(std::string_view text) {
        for (const char c : text.substr(0, room())) {
            bytes_[written_++ & (N - 1)] = c;
        }
    }

    // Not of an empty one.
    [[nodiscard]] constexpr char take() { return bytes_[taken_++ & (N - 1)]; }

    constexpr void clear() { taken_ = written_; }

  private:
    std::array<char, N> bytes_{};
    uint64_t written_ = 0;  // ever
    uint64_t taken_ = 0;
};

}  // namespace ringfold
