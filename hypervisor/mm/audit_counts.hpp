// SPDX-License-Identifier: Apache-2.0
//
// Sums of the audit for a window of frames, so that it needs little memory however large the machine is.
#pragma once

#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/entry.hpp"
#include "hypervisor/mm/frame_state.hpp"

#include <array>
#include <cstdint>

namespace ringfold {

class AuditCounts {
  public:
    static constexpr uint64_t window = 8 * frames_per_extent;

    struct Frame {
        uint32_t uses;        // references beside the owner's
        uint32_t typed;       // those that need a type
        FrameType type;       // which
        bool types_conflict;  // not all of them need the same
        bool foreign;         // one is by another domain, and no leaf
        uint64_t
            borrowed;  // leaves of other domains less those that they have counted, as a fingerprint: 0 if they agree
    };
    struct Extent {
        uint32_t read_only;
        uint32_t writable;
        uint32_t page_tables;
        bool foreign;
    };

    void start(MachineFrame first);
    // One use of a frame by `user`'s table entry or by a holder; FrameType::none: any type will do.
    void use(MachineFrame frame, FrameType type, DomainId user);
    // A leaf of `user`'s; it may be borrowed.
    void use_leaf(MachineFrame frame, FrameType type, DomainId user);
    // So many leaves are what `user` has counted of a frame that it borrowed.
    void expect_borrowed(MachineFrame frame, FrameType type, DomainId user, uint64_t count);
    void use_extent(MachineFrame frame, bool writable, DomainId user);
    void page_table(MachineFrame frame);

    [[nodiscard]] const Frame &frame(MachineFrame frame) const { return frames_[(frame - first_).raw()]; }
    [[nodiscard]] const Extent &extent(MachineFrame frame) const {
        return extents_[(frame - first_).raw() / frames_per_extent];
    }

  private:
    [[nodiscard]] bool contains(MachineFrame frame) const {
        return first_ <= frame && frame - first_ < FrameCount{window};
    }

    MachineFrame first_{};
    std::array<Frame, window> frames_{};
    std::array<Extent, window / frames_per_extent> extents_{};
};

}  // namespace ringfold
