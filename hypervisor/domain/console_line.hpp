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

    // Calls emit(std::string_view line) for each line that `c` completes.
    template <typename Emit>
    void put(char c, Emit &&emit) {
        if (c == '\n') {
            flush(emit);
            return;
        }
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\t' || (byte >= 0x20 && byte != 0x7f)) {
            append(c, emit);
        } else if (c != '\r') {
            constexpr std::string_view digits = "0123456789abcdef";
            for (const char escaped : {'\\', 'x', digits[byte >> 4], digits[byte & 15]}) {
                append(escaped, emit);
            }
        }
    }

    // Emits an unfinished line.
    template <typename Emit>
    void flush(Emit &&emit) {
        emit(std::string_view{text_.data(), length_});
        length_ = 0;
    }

    [[nodiscard]] bool empty() const { return length_ == 0; }

  private:
    template <typename Emit>
    void append(char c, Emit &&emit) {
        if (length_ == capacity) {
            flush(emit);
        }
        text_[length_++] = c;
    }

    std::array<char, capacity> text_{};
    std::size_t length_ = 0;
};

}  // namespace ringfold
