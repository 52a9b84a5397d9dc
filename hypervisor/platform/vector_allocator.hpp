// SPDX-License-Identifier: Apache-2.0
//
// Which vectors devices have. A vector means the same on every processor. One that is given back is given out again as
// late as can be: an interrupt with it may still be on its way.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/platform/vectors.hpp"

#include <array>
#include <cstdint>

namespace ringfold {

class VectorAllocator {
  public:
    // limit_reached: all are taken.
    [[nodiscard]] Result<uint8_t> allocate() {
        for (unsigned tried = 0; tried < vector_count; ++tried) {
            const uint8_t vector = next_++;
            if (is_device_vector(vector) && !taken_[vector]) {
                taken_[vector] = true;
                return vector;
            }
        }
        return Error::limit_reached;
    }
    void free(uint8_t vector) { taken_[vector] = false; }
    [[nodiscard]] bool is_taken(uint8_t vector) const { return taken_[vector]; }

  private:
    std::array<bool, vector_count> taken_{};
    uint8_t next_ = vector_device_first;  // wraps
};

}  // namespace ringfold
