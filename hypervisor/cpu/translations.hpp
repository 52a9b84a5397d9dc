// SPDX-License-Identifier: Apache-2.0
//
// Dropping cached translations on this CPU and on others: what the mm logic asks of the machine (mm/machine_seam.hpp).
#pragma once

#include "hypervisor/lib/cpu_set.hpp"

#include "hypervisor/lib/units.hpp"

#include <cstdint>

namespace ringfold {

struct GuestCpu;

inline constexpr bool is_modelled = RINGFOLD_DEBUG != 0;

namespace detail {
[[nodiscard]] bool owes_flush();
void walks(DomainId domain, bool owed_flush);
void stops_walking();
}  // namespace detail

// Does what others asked of this CPU since it last left for a guest. Part of every exit.
void serve_flush_request(GuestCpu &guest);

// Without PCIDs: nothing of a guest is cached while this CPU is in the hypervisor. Tells the flush clock so.
void note_implicit_flush();

// Drops everything of every PCID on the CPUs of `targets`, for a guest that asked. The caller's CPU may be among them.
void flush_for_guest(CpuSet targets);

// What the model of cached translations is told in debug builds (mm/translation_model.hpp).
// Is a flush owed? To be asked after the epoch became odd and before the requests are read.
[[nodiscard]] inline bool model_owes_flush() { return is_modelled && detail::owes_flush(); }
// The guest is entered: the requests were read and there is none, though `owed_flush`.
inline void model_walks(DomainId domain, bool owed_flush) {
    if constexpr (is_modelled) {
        detail::walks(domain, owed_flush);
    }
}
// A guest was left; before the epoch becomes even.
inline void model_stops_walking() {
    if constexpr (is_modelled) {
        detail::stops_walking();
    }
}

// How many TSC ticks a visit may work on before it makes way: 20 us worth of them, 500 us when emulated, and at least
// 40,000.
[[nodiscard]] uint64_t visit_ticks();

}  // namespace ringfold
