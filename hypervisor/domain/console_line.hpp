// SPDX-License-Identifier: Apache-2.0
//
// Collects a domain's console output into lines, so that lines of several domains do not mix. Control characters are
// shown escaped: a guest cannot send escape sequences to the terminal of whoever reads the log.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace ringfold {

class ConsoleLine {
  public:
    static constexpr std::size_t capacity = 240;  // a longer line is broken

    // Calls emit(std::string_view line) for a line that `c` completes. False: emit refused it, and `c` was not taken.
    template <typename Emit>
    [[nodiscard]] bool put(char c, Emit &&emit) {
        if (c == '\n') {
            return flush(emit);
        }
        if (c == '\r') {
            return true;
        }
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\t' || (byte >= 0x20 && byte != 0x7f)) {
            return append({&c, 1}, emit);
        }
        constexpr std::string_view digits = "0123456789abcdef";
        const std::array escaped{'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        return append({escaped.data(), escaped.size()}, emit);
    }

    // Emits an unfinished line. False: emit refused it, and it is still there.
    template <typename Emit>
    [[nodiscard]] bool flush(Emit &&emit) {
        if (!emit(std::string_view{text_.data(), length_})) {
            return false;
        }
        length_ = 0;
        return true;
    }

    [[nodiscard]] bool empty() const { return length_ == 0; }

  private:
    template <typename Emit>
    [[nodiscard]] bool append(std::string_view shown, Emit &&emit) {
        if (length_ + shown.size() > capacity && !flush(emit)) {
            return false;
        }
        for (const char c : shown) {
            text_[length_++] = c;
        }
        return true;
    }

    std::array<char, capacity> text_{};
    std::size_t length_ = 0;
};

}  // namespace ringfold
