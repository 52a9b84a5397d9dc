// SPDX-License-Identifier: Apache-2.0
//
// Which pseudo-physical frame of a guest a machine frame is.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

namespace ringfold::tools {

class PhysicalIndex {
  public:
    // `frames` are the machine frames of pseudo-physical frames 0, 1, ..., RINGFOLD_NO_FRAME where there is none; they
    // outlive the index. Of several that name the same frame, the last one counts.
    explicit PhysicalIndex(std::span<const uint64_t> frames);

    // Nothing: it is none of the guest's.
    [[nodiscard]] std::optional<GuestFrame> find(MachineFrame frame) const;
    // The same for an extent of 2 MiB that begins with `first`; nothing also if its frames are in no such order that it
    // could be one extent to the guest.
    [[nodiscard]] std::optional<GuestFrame> find_extent(MachineFrame first) const;

  private:
    std::span<const uint64_t> frames_;
    std::unordered_map<uint64_t, uint64_t> physical_;  // by machine frame
};

}  // namespace ringfold::tools
