// SPDX-License-Identifier: Apache-2.0
//
// A set of physical CPUs: one bit each.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <bit>
#include <cstdint>

namespace ringfold {

inline constexpr unsigned cpu_set_capacity = 64;

class CpuSet {
  public:
    constexpr CpuSet() = default;
    constexpr explicit CpuSet(uint64_t bits) : bits_(bits) {}
    [[nodiscard]] static constexpr CpuSet of(CpuId cpu) {
        return CpuSet{uint64_t{1} << (cpu.raw() % cpu_set_capacity)};
    }

    [[nodiscard]] constexpr uint64_t raw() const { return bits_; }
    [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
    // std::popcount would be a library call, for POPCNT is no part of the x86-64 baseline.
    [[nodiscard]] constexpr unsigned size() const {
        unsigned count = 0;
        for (uint64_t left = bits_; left != 0; left &= left - 1) {
            ++count;
        }
        return count;
    }
    [[nodiscard]] constexpr bool contains(CpuId cpu) const { return !(of(cpu) & *this).empty(); }
    constexpr void add(CpuId cpu) { bits_ |= of(cpu).bits_; }
    constexpr void remove(CpuId cpu) { bits_ &= ~of(cpu).bits_; }
    constexpr CpuSet &operator|=(CpuSet other) {
        bits_ |= other.bits_;
        return *this;
    }
    friend constexpr CpuSet operator|(CpuSet a, CpuSet b) { return CpuSet{a.bits_ | b.bits_}; }
    friend constexpr CpuSet operator&(CpuSet a, CpuSet b) { return CpuSet{a.bits_ & b.bits_}; }
    friend constexpr CpuSet operator-(CpuSet a, CpuSet b) { return CpuSet{a.bits_ & ~b.bits_}; }
    friend constexpr bool operator==(CpuSet, CpuSet) = default;

    template <typename Visitor>
    constexpr void for_each(Visitor &&visit) const {
        for (uint64_t left = bits_; left != 0; left &= left - 1) {
            visit(CpuId{static_cast<uint16_t>(std::countr_zero(left))});
        }
    }

  private:
    uint64_t bits_ = 0;
};

}  // namespace ringfold
