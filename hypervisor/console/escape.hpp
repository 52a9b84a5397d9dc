// SPDX-License-Identifier: Apache-2.0
//
// Finds the escape in what is typed: the same control character three times in a row. The first and the second are held
// back until it is clear that they are none.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace ringfold {

class EscapeDetector {
  public:
    static constexpr char key = 0x01;  // Ctrl-A
    static constexpr std::size_t repetitions = 3;

    // What one character leads to: the text that is for the reader by now, or the escape.
    struct Step {
        std::string_view text;  // until the next call
        bool escaped = false;
    };

    constexpr Step put(char c) {
        if (c == key) {
            if (++held_ < repetitions) {
                return {};
            }
            held_ = 0;
            return {.text = {}, .escaped = true};
        }
        const std::size_t length = held_ + 1;
        text_ = {key, key, key};
        text_[held_] = c;
        held_ = 0;
        return {.text = {text_.data(), length}};
    }

  private:
    std::array<char, repetitions> text_{};
    std::size_t held_ = 0;
};

}  // namespace ringfold
