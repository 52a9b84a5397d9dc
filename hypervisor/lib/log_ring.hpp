// SPDX-License-Identifier: Apache-2.0
//
// The last N bytes that were logged. New text overwrites the oldest; what is read begins at a whole line.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ringfold {

template <std::size_t N>
class LogRing {
    static_assert((N & (N - 1)) == 0, "positions wrap with a mask");

  public:
    constexpr void write(std::string_view text) {
        for (const char c : text) {
            bytes_[written_++ & (N - 1)] = c;
        }
    }

    // How many bytes were ever written: the position behind the newest.
    [[nodiscard]] constexpr uint64_t end() const { return written_; }

    // The position of the first whole line that is still there.
    [[nodiscard]] constexpr uint64_t begin() const {
        if (written_ <= N) {
            return 0;
        }
        for (uint64_t position = written_ - N; position < written_; ++position) {
            if (bytes_[position & (N - 1)] == '\n') {
                return position + 1;
            }
        }
        return written_ - N;  // one endless line
    }

    // Copies bytes from `position` on (moved up to begin() if they are gone) and moves it behind what was copied.
    constexpr std::size_t read(uint64_t &position, std::span<char> target) const {
        if (position < begin()) {
            position = begin();
        }
        std::size_t copied = 0;
        while (copied < target.size() && position < written_) {
            target[copied++] = bytes_[position++ & (N - 1)];
        }
        return copied;
    }

  private:
    std::array<char, N> bytes_{};
    uint64_t written_ = 0;
};

}  // namespace ringfold
