// SPDX-License-Identifier: Apache-2.0
//
// An independent model of memory typing, for random tests: no counts, no progress, no locks. It knows what every small
// piece of memory contains and who pinned or holds what, and works out from that, each time anew, which frames are in
// which use, and whether one more use would contradict another.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace ringfold::test {

// Entries are only ever written at these indices; all others are 0.
inline constexpr std::array<unsigned, 8> modelled_indices{0, 1, 31, 32, 255, 256, 500, 511};

class PageTableModel {
  public:
    struct FrameUse {
        unsigned level = 0;  // of table; 0: none
        uint64_t tables = 0;
        uint64_t writable = 0;
        uint64_t read_only = 0;
    };
    struct ExtentUse {
        uint64_t big_writable = 0;
        uint64_t big_read_only = 0;
        uint64_t tables = 0;
    };
    // One more use: by an entry of a table of `level`.
    struct Wish {
        unsigned level;
        uint64_t entry;
    };
    // Sparse: only frames in use have an entry in `used`.
    struct World {
        explicit World(uint64_t frame_count) : frames(frame_count), extents(frame_count / 512 + 1) {}
        void clear();
        FrameUse &at(uint64_t frame);

        std::vector<FrameUse> frames;
        std::vector<ExtentUse> extents;
        std::vector<uint64_t> used;
        std::set<Error> wrong;  // why it cannot be
    };

    struct Pin {
        uint64_t frame;
        unsigned level;
    };

    std::map<uint64_t, std::array<uint64_t, modelled_indices.size()>> contents;
    std::vector<uint16_t> owners;                // of every RAM frame; 0: nobody of the domains
    std::map<uint64_t, uint16_t> extent_owners;  // extents that are wholly one domain's
    std::vector<Pin> pins;                       // pins and held roots alike
    std::vector<uint64_t> held_writable;
    uint64_t ram_end = 0;
    uint64_t device_first = 0;
    uint64_t device_end = 0;
    uint16_t domain = 1;

    // The uses that there are, and the wishes' and further pins'.
    void work_out(World &world, const std::vector<Wish> &wishes = {}, const std::vector<Pin> &more_pins = {}) const;
    // Can the entry stand there whatever it refers to?
    [[nodiscard]] bool may_stand(unsigned level, unsigned index, uint64_t entry) const;

  private:
    void use_entry(World &world, unsigned level, uint64_t entry) const;
    [[nodiscard]] bool owns(uint64_t frame) const { return frame < owners.size() && owners[frame] == domain; }
    void use_table(World &world, uint64_t frame, unsigned level) const;
};

}  // namespace ringfold::test
