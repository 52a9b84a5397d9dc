// SPDX-License-Identifier: Apache-2.0
//
// Frames for what is built before the frame allocator is: page tables, the frame table, the first CPU's stacks. Frames
// are cut from the upper end of the highest free range and never come back; what is left when the frame allocator
// starts is its to hand out.
#pragma once

#include "hypervisor/boot/boot_information.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ringfold {

class EarlyFrames {
  public:
    static constexpr std::size_t max_ranges = 2 * max_memory_ranges;

    // Adds RAM. limit_reached: there are too many ranges, and this one is not used.
    [[nodiscard]] Result<void> add(FrameRange range);
    // Takes out what is in use: the image, modules, low memory. limit_reached: no room for another piece.
    [[nodiscard]] Result<void> reserve(FrameRange range);

    // Only frames below `limit` are handed out from now on: the boot page tables reach no further.
    void set_limit(MachineFrame limit) { limit_ = limit; }

    // `count` adjacent frames, the first at a multiple of `alignment` (a power of two). The content is anything.
    [[nodiscard]] Result<MachineFrame> allocate(FrameCount count, FrameCount alignment = FrameCount{1});

    [[nodiscard]] std::span<const FrameRange> free_ranges() const { return std::span(ranges_).first(used_); }
    [[nodiscard]] FrameCount free_frames() const;

  private:
    // Removes [range.begin, range.end), which touches ranges_[index], from it.
    [[nodiscard]] Result<void> cut(std::size_t index, FrameRange range);
    void remove(std::size_t index);

    std::array<FrameRange, max_ranges> ranges_{};  // disjoint, none empty, in no order
    std::size_t used_ = 0;
    MachineFrame limit_{~uint64_t{0}};
};

// Everything that may be handed out: available memory above 1 MiB, without the image and the modules.
[[nodiscard]] Result<void> collect_early_frames(const BootInformation &information, FrameRange image,
                                                EarlyFrames &frames);

}  // namespace ringfold
