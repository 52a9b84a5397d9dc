// SPDX-License-Identifier: Apache-2.0
//
// The seam between logic and the bytes of machine memory. On the machine a frame is reached through the direct map; in
// a hosted build (unit tests) through an array that the test installs, so that the same logic runs in both.
#pragma once

#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <cstddef>
#include <cstdint>

namespace ringfold {

#if __STDC_HOSTED__
namespace hosted {
// Where machine address 0 is in this process. A test may leave holes: only the frames that it uses need memory.
inline std::byte *machine_memory = nullptr;
}  // namespace hosted

[[nodiscard]] inline uintptr_t machine_memory_base() { return reinterpret_cast<uintptr_t>(hosted::machine_memory); }
#else
[[nodiscard]] constexpr uintptr_t machine_memory_base() { return virtual_map::direct_map.base; }
#endif

// `address` must be RAM, or what pointer_to() gives must not be used.
template <typename T = void>
[[nodiscard]] T *pointer_to(MachineAddress address) {
    return reinterpret_cast<T *>(machine_memory_base() + address.raw());
}

template <typename T = void>
[[nodiscard]] T *pointer_to(MachineFrame frame) {
    return pointer_to<T>(address_of(frame));
}

// The machine address of a byte that was reached through pointer_to().
[[nodiscard]] inline MachineAddress machine_address_of(const void *pointer) {
    return MachineAddress{reinterpret_cast<uintptr_t>(pointer) - machine_memory_base()};
}

[[nodiscard]] inline MachineFrame frame_behind(const void *pointer) { return frame_of(machine_address_of(pointer)); }

inline void clear_frame(MachineFrame frame) { __builtin_memset(pointer_to(frame), 0, page_size); }

}  // namespace ringfold
