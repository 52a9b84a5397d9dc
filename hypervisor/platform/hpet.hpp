// SPDX-License-Identifier: Apache-2.0
//
// The high precision event timer's main counter (IA-PC HPET specification 1.0a, 2.3), as a reference for calibration.
// Its timers are dom0's.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/platform/acpi_hpet.hpp"

#include <cstdint>

namespace ringfold {

class Hpet {
  public:
    // Maps the registers and makes the counter run. Error::device if it reports an impossible period.
    [[nodiscard]] static Result<Hpet> open(const HpetTable &table);

    [[nodiscard]] uint64_t read() const { return registers_[main_counter]; }
    // The low half is enough for a calibration and is read in one go; it wraps after some minutes.
    [[nodiscard]] uint64_t mask() const { return 0xffff'ffff; }
    [[nodiscard]] uint64_t nanoseconds(uint64_t ticks) const { return ticks * period_femtoseconds_ / 1'000'000; }

  private:
    Hpet(volatile uint32_t *registers, uint64_t femtoseconds)
        : registers_(registers), period_femtoseconds_(femtoseconds) {}

    static constexpr unsigned period = 0x04 / 4;  // high half of the capabilities
    static constexpr unsigned configuration = 0x10 / 4;
    static constexpr unsigned main_counter = 0xf0 / 4;

    volatile uint32_t *registers_;
    uint64_t period_femtoseconds_;
};

}  // namespace ringfold
