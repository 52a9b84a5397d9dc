// SPDX-License-Identifier: Apache-2.0
//
// A physical CPU's private roots. CR3 never points at a guest's own L4 frame but at a copy of it with this CPU's guest
// face in slot 256; the CPU keeps a handful of such copies, each with a PCID where there are PCIDs, so that switching
// between a few processes neither copies nor flushes.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <array>
#include <cstdint>

namespace ringfold {

class RootCache {
  public:
    static constexpr unsigned capacity = 8;
    static constexpr uint64_t keep_translations = uint64_t{1} << 63;  // in a CR3 value, with PCIDs only

    // `slot_entry`: the L4 entry that leads to this CPU's guest face. Allocates the copies' frames.
    [[nodiscard]] Result<void> initialise(uint64_t slot_entry, bool has_process_context_ids);

    // What there is to do to run on `l4`, whose content is at `generation`.
    struct Selection {
        uint64_t cr3;  // the value to load: with keep_translations if what is cached for it is still right
        bool copied;   // the copy had to be made anew
    };
    // `must_flush`: what was cached for this root is not to be used.
    [[nodiscard]] Selection select(MachineFrame l4, uint64_t generation, bool must_flush);

    // Every root flushes when it is next selected: another vCPU runs here, or the kernel half changed.
    void flush_all();
    // Was flush_all() called since the last select()? Then the root that it gave is not to be kept.
    [[nodiscard]] bool must_select_again() const { return must_select_again_; }

    // Calls visit(MachineFrame) for each copy's frame.
    template <typename Visitor>
    void for_each_copy(Visitor &&visit) const {
        for (const Root &root : roots_) {
            visit(root.copy);
        }
    }

  private:
    struct Root {
        MachineFrame l4{};
        MachineFrame copy{};
        uint64_t generation = 0;
        uint64_t last_use = 0;
        bool valid = false;
        bool must_flush = true;
    };
    void fill(Root &root, MachineFrame l4, uint64_t generation) const;

    std::array<Root, capacity> roots_{};
    uint64_t slot_entry_ = 0;
    uint64_t uses_ = 0;
    bool has_process_context_ids_ = false;
    bool must_select_again_ = true;
};

}  // namespace ringfold
