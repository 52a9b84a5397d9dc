// SPDX-License-Identifier: Apache-2.0
//
// The machine-to-physical table, which guests read: for each machine frame the pseudo-physical frame that it was last
// given as. A convenience for guests; the hypervisor trusts nothing in it.
#pragma once

#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <cstdint>

namespace ringfold::machine_to_physical {

#if __STDC_HOSTED__
namespace hosted {
inline uint64_t *table = nullptr;  // a test that wants one installs it
}  // namespace hosted

inline void set(MachineFrame frame, GuestFrame guest) {
    if (hosted::table != nullptr) {
        hosted::table[frame.raw()] = guest.raw();
    }
}
#else
// `frame` is RAM, so that the table is mapped there.
inline void set(MachineFrame frame, GuestFrame guest) {
    reinterpret_cast<uint64_t *>(virtual_map::machine_to_physical.base)[frame.raw()] = guest.raw();
}
#endif

}  // namespace ringfold::machine_to_physical
