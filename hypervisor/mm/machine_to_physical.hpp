// SPDX-License-Identifier: Apache-2.0
//
// The machine-to-physical table, which guests read: for each machine frame the pseudo-physical frame that it was last
// given as. A convenience for guests; the hypervisor trusts nothing in it.
#pragma once

#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <cstdint>

namespace ringfold::machine_to_physical {

// `frame` is RAM, so that the table is mapped there.
inline void set(MachineFrame frame, GuestFrame guest) {
    reinterpret_cast<uint64_t *>(virtual_map::machine_to_physical.base)[frame.raw()] = guest.raw();
}

}  // namespace ringfold::machine_to_physical
