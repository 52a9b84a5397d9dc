// SPDX-License-Identifier: Apache-2.0
//
// Which machine frames a guest has: its own map says (physical_to_machine of ringfold/start_info.h), which changes when
// it gives memory back or gets some.
#pragma once

#include "dom0-tools/library/hypervisor.hpp"

#include <span>
#include <vector>

namespace ringfold::tools {

// Where a guest has its map, and its start-info page. Of one that hvd did not build: nowhere.
struct MapPlace {
    uint64_t first_frame = 0;  // pseudo-physical; 0: nowhere
    uint64_t entries = 0;
    uint64_t start_info = 0;  // pseudo-physical frame; 0: nowhere
};

// The machine frames of pseudo-physical frames 0, 1, ..., RINGFOLD_NO_FRAME where there is none, as the guest itself
// says: none of them need be its own. `built` are those that it was built with; its map lies in some of them, which
// stay. What cannot be read of it is as it was built.
[[nodiscard]] std::vector<uint64_t> read_physical_map(const Hypervisor &hypervisor, DomainId domain,
                                                      std::span<const uint64_t> built, const MapPlace &place);

}  // namespace ringfold::tools
