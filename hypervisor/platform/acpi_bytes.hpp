// SPDX-License-Identifier: Apache-2.0
//
// Little-endian fields at fixed offsets of a firmware table. Tables are unaligned and may be shorter than the fields
// that a later revision added, so each access is checked.
#pragma once

#include "hypervisor/platform/physical_reader.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ringfold {

template <std::unsigned_integral T>
[[nodiscard]] constexpr std::optional<T> load_little_endian(ByteSpan bytes, std::size_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value |= uint64_t{bytes[offset + i]} << (8 * i);
    }
    return static_cast<T>(value);
}

// A field that an older, shorter table does not have reads as zero, which ACPI defines as "absent" for all that we use.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T load_or_zero(ByteSpan bytes, std::size_t offset) {
    return load_little_endian<T>(bytes, offset).value_or(T{0});
}

// The field must lie within `bytes`.
template <std::unsigned_integral T>
constexpr void store_little_endian(std::span<uint8_t> bytes, std::size_t offset, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        bytes[offset + i] = static_cast<uint8_t>(uint64_t{value} >> (8 * i));
    }
}

// ACPI's checksum: the sum of all bytes modulo 256 is zero (ACPI 6.4, 5.2.6). What one more byte must be for that:
[[nodiscard]] constexpr uint8_t missing_checksum(ByteSpan bytes) {
    uint8_t sum = 0;
    for (const uint8_t byte : bytes) {
        sum = static_cast<uint8_t>(sum + byte);
    }
    return static_cast<uint8_t>(-sum);
}
[[nodiscard]] constexpr bool checksum_holds(ByteSpan bytes) { return missing_checksum(bytes) == 0; }

}  // namespace ringfold
