// SPDX-License-Identifier: Apache-2.0
//
// The seam between firmware tables and the machine: how a parser gets at physical memory that firmware left. The
// hypervisor backs it with its own mappings, unit tests with arrays. The bytes stay valid and unchanged while the
// parser looks at them; firmware is trusted not to race, but not to be right.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <cstdint>
#include <span>

namespace ringfold {

using ByteSpan = std::span<const uint8_t>;

class PhysicalReader {
  public:
    using Function = Result<ByteSpan> (*)(const void *context, MachineAddress address, uint64_t size);

    constexpr PhysicalReader(Function function, const void *context) : function_(function), context_(context) {}

    // Exactly `size` bytes from `address`, or an error if any of them cannot be read.
    [[nodiscard]] Result<ByteSpan> read(MachineAddress address, uint64_t size) const {
        if (size == 0 || address.raw() + (size - 1) < address.raw()) {
            return Error::out_of_range;
        }
        return function_(context_, address, size);
    }

  private:
    Function function_;
    const void *context_;
};

}  // namespace ringfold
