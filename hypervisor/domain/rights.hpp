// SPDX-License-Identifier: Apache-2.0
//
// What a domain may do beside acting on itself: the sets of abi/include/ringfold/domain.h.
#pragma once

#include <ringfold/domain.h>

#include <cstdint>

namespace ringfold {

enum class Right : uint64_t {
    control = RINGFOLD_RIGHT_CONTROL,
    inspect = RINGFOLD_RIGHT_INSPECT,
    schedule = RINGFOLD_RIGHT_SCHEDULE,
    console = RINGFOLD_RIGHT_CONSOLE,
    hardware = RINGFOLD_RIGHT_HARDWARE,
    machine = RINGFOLD_RIGHT_MACHINE,
    trace = RINGFOLD_RIGHT_TRACE,
    debug = RINGFOLD_RIGHT_DEBUG,
};

class Rights {
  public:
    constexpr Rights() = default;
    constexpr explicit Rights(uint64_t bits) : bits_(bits) {}
    [[nodiscard]] static constexpr Rights all() { return Rights{RINGFOLD_RIGHTS_ALL}; }

    [[nodiscard]] constexpr uint64_t raw() const { return bits_; }
    [[nodiscard]] constexpr bool has(Right right) const { return (bits_ & static_cast<uint64_t>(right)) != 0; }
    [[nodiscard]] constexpr bool includes(Rights others) const { return (others.bits_ & ~bits_) == 0; }

  private:
    uint64_t bits_ = 0;
};

}  // namespace ringfold
