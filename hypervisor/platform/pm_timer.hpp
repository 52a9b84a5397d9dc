// SPDX-License-Identifier: Apache-2.0
//
// ACPI's power management timer: 3.579545 MHz on every PC (ACPI 6.4, 4.8.2.1).
#pragma once

#include "hypervisor/cpu/port_io.hpp"
#include "hypervisor/platform/acpi_fadt.hpp"

#include <cstdint>

namespace ringfold {

class PmTimerCounter {
  public:
    // One that is in memory is not used: no PC has been seen with it.
    [[nodiscard]] static Result<PmTimerCounter> open(const PmTimer &timer) {
        if (timer.reg.space != AddressSpace::port) {
            return Error::not_supported;
        }
        return PmTimerCounter{static_cast<uint16_t>(timer.reg.address), timer.is_32_bit ? 0xffff'ffff : 0xff'ffff};
    }

    [[nodiscard]] uint64_t read() const { return read_port32(port_) & mask_; }
    [[nodiscard]] uint64_t mask() const { return mask_; }
    [[nodiscard]] uint64_t nanoseconds(uint64_t ticks) const { return ticks * 1'000'000'000 / frequency; }

  private:
    PmTimerCounter(uint16_t port, uint64_t mask) : port_(port), mask_(mask) {}

    static constexpr uint64_t frequency = 3'579'545;
    uint16_t port_;
    uint64_t mask_;
};

}  // namespace ringfold
