// SPDX-License-Identifier: Apache-2.0
//
// A list of at most N plain values, in place. Platform tables are read before any heap exists and each has a natural
// bound; what does not fit is counted by the caller, never silently lost: `append` says so.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace ringfold {

template <typename T, std::size_t N>
class BoundedList {
  public:
    [[nodiscard]] constexpr bool append(const T &value) {
        if (size_ == N) {
            return false;
        }
        items_[size_++] = value;
        return true;
    }
    [[nodiscard]] constexpr std::size_t size() const { return size_; }
    [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
    [[nodiscard]] constexpr const T &operator[](std::size_t index) const { return view()[index]; }
    [[nodiscard]] constexpr std::span<const T> view() const { return std::span<const T>(items_).first(size_); }
    [[nodiscard]] constexpr auto begin() const { return view().begin(); }
    [[nodiscard]] constexpr auto end() const { return view().end(); }

  private:
    std::array<T, N> items_{};
    std::size_t size_ = 0;
};

}  // namespace ringfold
