// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/acpi_sleep.hpp"

#include <cstddef>

namespace ringfold {
namespace {

// AML encodings (ACPI 6.4, 20.2).
constexpr uint8_t zero_op = 0x00;
constexpr uint8_t one_op = 0x01;
constexpr uint8_t name_op = 0x08;
constexpr uint8_t byte_prefix = 0x0a;
constexpr uint8_t word_prefix = 0x0b;
constexpr uint8_t double_word_prefix = 0x0c;
constexpr uint8_t package_op = 0x12;
constexpr uint8_t root_character = '\\';
constexpr uint8_t highest_sleep_type = 7;  // SLP_TYP has three bits

class AmlCursor {
  public:
    explicit AmlCursor(ByteSpan bytes) : rest_(bytes) {}

    bool accept(uint8_t byte) {
        if (rest_.empty() || rest_[0] != byte) {
            return false;
        }
        rest_ = rest_.subspan(1);
        return true;
    }

    std::optional<uint8_t> next() {
        if (rest_.empty()) {
            return std::nullopt;
        }
        const uint8_t byte = rest_[0];
        rest_ = rest_.subspan(1);
        return byte;
    }

    // PkgLength: the top two bits of the lead byte count the bytes that follow. Its value is of no use here.
    bool skip_package_length() {
        const auto lead = next();
        if (!lead || rest_.size() < static_cast<std::size_t>(*lead >> 6)) {
            return false;
        }
        rest_ = rest_.subspan(static_cast<std::size_t>(*lead >> 6));
        return true;
    }

    // A constant that fits SLP_TYP.
    std::optional<uint8_t> sleep_type() {
        const auto encoding = next();
        if (!encoding) {
            return std::nullopt;
        }
        if (*encoding == zero_op || *encoding == one_op) {
            return *encoding;
        }
        std::size_t higher_bytes = 0;
        if (*encoding == word_prefix) {
            higher_bytes = 1;
        } else if (*encoding == double_word_prefix) {
            higher_bytes = 3;
        } else if (*encoding != byte_prefix) {
            return std::nullopt;
        }
        const auto value = next();
        for (; higher_bytes > 0; --higher_bytes) {
            if (!accept(0)) {
                return std::nullopt;
            }
        }
        return value && *value <= highest_sleep_type ? value : std::nullopt;
    }

  private:
    ByteSpan rest_;
};

std::optional<SoftOffType> parse_soft_off_object(ByteSpan bytes) {
    AmlCursor cursor{bytes};
    if (!cursor.accept(name_op)) {
        return std::nullopt;
    }
    static_cast<void>(cursor.accept(root_character));  // "\_S5_" and "_S5_" are the same at top level
    for (const char character : {'_', 'S', '5', '_'}) {
        if (!cursor.accept(static_cast<uint8_t>(character))) {
            return std::nullopt;
        }
    }
    if (!cursor.accept(package_op) || !cursor.skip_package_length()) {
        return std::nullopt;
    }
    const auto elements = cursor.next();
    if (!elements || *elements < 2) {
        return std::nullopt;
    }
    const auto pm1a = cursor.sleep_type();
    const auto pm1b = pm1a ? cursor.sleep_type() : std::nullopt;
    if (!pm1b) {
        return std::nullopt;
    }
    return SoftOffType{.pm1a = *pm1a, .pm1b = *pm1b};
}

}  // namespace

std::optional<SoftOffType> find_soft_off_type(ByteSpan dsdt) {
    for (std::size_t offset = 0; offset < dsdt.size(); ++offset) {
        if (auto type = parse_soft_off_object(dsdt.subspan(offset))) {
            return type;
        }
    }
    return std::nullopt;
}

}  // namespace ringfold
