// SPDX-License-Identifier: Apache-2.0
//
// In place of hypervisor/cpu/own_space.hpp: memory of the CPU that is at work, as the fuzzed machine says.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringfold {

namespace fuzzed {
inline std::byte *(*own_space)(uint64_t address) = nullptr;
}  // namespace fuzzed

template <typename T>
[[nodiscard]] T *in_own_space(uint64_t address) {
    return reinterpret_cast<T *>(fuzzed::own_space(address));
}

}  // namespace ringfold
