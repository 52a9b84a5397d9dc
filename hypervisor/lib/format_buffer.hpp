// SPDX-License-Identifier: Apache-2.0
//
// Where formatted text goes: a span of characters that never overflows. What does not fit is dropped and remembered.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ringfold {

class FormatBuffer {
  public:
    constexpr explicit FormatBuffer(std::span<char> storage) : storage_(storage) {}

    constexpr void append(char c) {
        if (length_ < storage_.size()) {
            storage_[length_++] = c;
        } else {
            truncated_ = true;
        }
    }
    constexpr void append(std::string_view text) {
        for (const char c : text) {
            append(c);
        }
    }
    constexpr void fill(char c, std::size_t count) {
        while (count-- != 0) {
            append(c);
        }
    }

    [[nodiscard]] constexpr std::string_view view() const { return {storage_.data(), length_}; }
    [[nodiscard]] constexpr bool truncated() const { return truncated_; }

  private:
    std::span<char> storage_;
    std::size_t length_ = 0;
    bool truncated_ = false;
};

}  // namespace ringfold
