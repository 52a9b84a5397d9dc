// SPDX-License-Identifier: Apache-2.0
//
// What stands at a fixed address of slot 256 (mm/virtual_map.hpp), where every CPU has something of its own. tests/fuzz
// puts a header of this name before it: a host has no such addresses.
#pragma once

#include <cstdint>

namespace ringfold {

// In the hypervisor's space of this CPU.
template <typename T>
[[nodiscard]] T *in_own_space(uint64_t address) {
    return reinterpret_cast<T *>(address);
}

}  // namespace ringfold
