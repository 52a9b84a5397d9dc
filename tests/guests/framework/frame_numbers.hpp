// SPDX-License-Identifier: Apache-2.0
//
// The two kinds of frame numbers a guest knows; mixing them up is the classic mistake, so each is a type of its own.
#pragma once

#include <ringfold/base.h>

#include <compare>
#include <cstdint>
#include <initializer_list>

namespace guest {

inline constexpr uint64_t page_size = 4096;
inline constexpr uint64_t big_page_size = 512 * page_size;
inline constexpr uint64_t frames_per_extent = 512;
inline constexpr uint64_t table_entries = 512;

// For loops over values of the ABI's constants, whose types differ.
using Words = std::initializer_list<uint64_t>;

struct MachineFrame {
    uint64_t number;
    constexpr auto operator<=>(const MachineFrame &) const = default;
    [[nodiscard]] constexpr uint64_t address() const { return number * page_size; }
};

struct PhysicalFrame {  // pseudo-physical: the domain's own numbering, from 0
    uint64_t number;
    constexpr auto operator<=>(const PhysicalFrame &) const = default;
    [[nodiscard]] constexpr PhysicalFrame plus(uint64_t count) const { return {number + count}; }
};

}  // namespace guest
