// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/hpet.hpp"

#include "hypervisor/cpu/hypervisor_space.hpp"

namespace ringfold {

Result<Hpet> Hpet::open(const HpetTable &table) {
    constexpr uint64_t register_block = 1024;
    constexpr uint32_t longest_period = 100'000'000;  // fs: no HPET is slower than 10 MHz (2.3.4)
    constexpr uint32_t enable = 1u << 0;
    constexpr uint32_t legacy_replacement = 1u << 1;
    auto *registers = static_cast<volatile uint32_t *>(TRY(map_device(table.address, register_block)));
    const uint32_t period_femtoseconds = registers[period];
    if (period_femtoseconds == 0 || period_femtoseconds > longest_period) {
        return Error::device;
    }
    registers[configuration] = (registers[configuration] | enable) & ~legacy_replacement;
    return Hpet{registers, period_femtoseconds};
}

}  // namespace ringfold
