// SPDX-License-Identifier: Apache-2.0
//
// A line of text in place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hwprobe {

class Text {
  public:
    constexpr Text &add(std::string_view more) {
        for (const char character : more) {
            if (size_ < characters_.size()) {
                characters_[size_++] = character;
            }
        }
        return *this;
    }
    constexpr Text &add_number(uint64_t value, unsigned base) {
        std::array<char, 20> digits{};
        std::size_t first = digits.size();
        do {
            digits[--first] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        return add({digits.data() + first, digits.size() - first});
    }
    [[nodiscard]] constexpr std::string_view view() const { return {characters_.data(), size_}; }

  private:
    std::array<char, 240> characters_{};
    std::size_t size_ = 0;
};

}  // namespace hwprobe
