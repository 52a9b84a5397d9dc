// SPDX-License-Identifier: Apache-2.0
//
// The memory of a domain while it is built. The builder counts frames from the first one that will be mapped: 0 is
// first_frame().
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/platform/bounded_list.hpp"

#include <ringfold/start_info.h>

#include <cstdint>
#include <span>

namespace ringfold {

struct Domain;

class PhysicalMap {
  public:
    // Give the domain its memory and write the machine-to-physical table; what was assigned before an error is the
    // domain's. Any machine frames, zeroed, as pseudo-physical frames 0 .. memory - 1:
    [[nodiscard]] static Result<PhysicalMap> scattered(Domain &domain, FrameCount memory);
    // Pseudo-physical frames that are machine frames, in whole extents, below 4 GiB while there are such. The memory is
    // rounded up to them, and holds what the machine left there: to clear it takes longer than all else of a boot, and
    // the control domain may see it. limit_reached: it lies in too many pieces.
    [[nodiscard]] static Result<PhysicalMap> identical(Domain &domain, FrameCount memory);

    PhysicalMap(PhysicalMap &&other) noexcept;
    PhysicalMap(const PhysicalMap &) = delete;
    PhysicalMap &operator=(const PhysicalMap &) = delete;
    PhysicalMap &operator=(PhysicalMap &&) = delete;
    ~PhysicalMap();

    [[nodiscard]] MachineFrame operator[](GuestFrame frame) const {
        return is_identity() ? MachineFrame{first_frame_.raw() + frame.raw()} : MachineFrame{words()[frame.raw()]};
    }
    [[nodiscard]] bool is_identity() const { return !holds_words_; }
    [[nodiscard]] GuestFrame first_frame() const { return first_frame_; }
    // As a guest knows the builder's frame.
    [[nodiscard]] GuestFrame pseudo_physical(GuestFrame frame) const { return first_frame_ + (frame - GuestFrame{0}); }
    // So many frames follow each other from the first one on.
    [[nodiscard]] FrameCount contiguous() const { return contiguous_; }
    [[nodiscard]] FrameCount memory() const;
    [[nodiscard]] std::span<const ringfold_memory_range> ranges() const { return ranges_.view(); }
    // The physical-to-machine map: a word for each frame. Nothing if it is the identity.
    [[nodiscard]] std::span<const uint64_t> physical_to_machine() const;

  private:
    PhysicalMap() = default;
    Result<void> allocate_words(FrameCount memory);
    Result<void> add_range(MachineFrame first, FrameCount count);
    [[nodiscard]] uint64_t *words() const;

    BoundedList<ringfold_memory_range, RINGFOLD_START_RANGES> ranges_;
    GuestFrame first_frame_{0};
    FrameCount contiguous_;
    bool holds_words_ = false;
    MachineFrame words_frame_;
    Order words_order_;
};

}  // namespace ringfold
