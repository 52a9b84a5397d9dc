// SPDX-License-Identifier: Apache-2.0
//
// Virtual time: a vCPU's claim on a CPU. Running for a nanosecond adds 256 / weight ns to it, and whoever has least
// runs next; so vCPUs that all want to run get time in proportion to their weights.
#pragma once

#include <compare>
#include <cstdint>

namespace ringfold {

// How much CPU time a vCPU gets in comparison with others: twice the weight, twice the time.
class Weight {
  public:
    static constexpr uint32_t lowest = 1;
    static constexpr uint32_t normal = 256;
    static constexpr uint32_t highest = 65535;

    [[nodiscard]] static constexpr bool is_valid(uint64_t value) { return value >= lowest && value <= highest; }

    constexpr Weight() = default;
    constexpr explicit Weight(uint32_t value) : value_(value) {}
    [[nodiscard]] constexpr uint32_t raw() const { return value_; }
    constexpr bool operator==(const Weight &) const = default;

  private:
    uint32_t value_ = normal;
};

// A distance of two virtual times, in ns of a vCPU of normal weight.
class VirtualDuration {
  public:
    constexpr VirtualDuration() = default;
    constexpr explicit VirtualDuration(int64_t nanoseconds) : value_(nanoseconds) {}
    // What running for `nanoseconds` costs. At least 1, so that whoever runs loses claim; the product fits for two
    // years.
    [[nodiscard]] static constexpr VirtualDuration of_run(uint64_t nanoseconds, Weight weight) {
        return VirtualDuration{static_cast<int64_t>((nanoseconds * Weight::normal + weight.raw() - 1) / weight.raw())};
    }

    [[nodiscard]] constexpr int64_t raw() const { return value_; }
    constexpr auto operator<=>(const VirtualDuration &) const = default;

  private:
    int64_t value_ = 0;
};

// 63 bits of nanoseconds: even the lowest weight does not get to the end of them in a year.
class VirtualTime {
  public:
    constexpr VirtualTime() = default;
    constexpr explicit VirtualTime(int64_t value) : value_(value) {}
    [[nodiscard]] static constexpr VirtualTime never() { return VirtualTime{INT64_MAX}; }

    [[nodiscard]] constexpr int64_t raw() const { return value_; }
    constexpr auto operator<=>(const VirtualTime &) const = default;
    friend constexpr VirtualTime operator+(VirtualTime a, VirtualDuration b) { return VirtualTime{a.value_ + b.raw()}; }
    friend constexpr VirtualTime operator-(VirtualTime a, VirtualDuration b) { return VirtualTime{a.value_ - b.raw()}; }
    friend constexpr VirtualDuration operator-(VirtualTime a, VirtualTime b) {
        return VirtualDuration{a.value_ - b.value_};
    }

  private:
    int64_t value_ = 0;
};

}  // namespace ringfold
