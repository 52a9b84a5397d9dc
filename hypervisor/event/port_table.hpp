// SPDX-License-Identifier: Apache-2.0
//
// The ports of one domain: a tree of 64 x 64 x 64 entries that grows and shrinks with what is bound. Port 0 is never
// given out. Everything takes constant time. Knows no lock.
//
//     nodes_[port / 4096] -> leaves[port / 64 % 64] -> entries[port % 64]
//
// A bit of `full` says that there is no free port below; a node or leaf that is absent has free ports only.
#pragma once

#include "hypervisor/event/port_entry.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <array>
#include <cstdint>

namespace ringfold {

class PortTable {
  public:
    static constexpr uint32_t fan_out = 64;
    static constexpr uint32_t capacity = fan_out * fan_out * fan_out;
    static_assert(capacity == RINGFOLD_EVENT_PORTS);

    constexpr PortTable() = default;
    PortTable(const PortTable &) = delete;
    PortTable &operator=(const PortTable &) = delete;
    ~PortTable();  // nothing is bound any more

    // The lowest free port. limit_reached: it is above `highest`, or all are taken; out_of_memory.
    [[nodiscard]] Result<Port> allocate(uint32_t highest);
    void free(Port port);  // one that is allocated

    // Null unless it is allocated; any number may be asked for.
    [[nodiscard]] PortEntry *find(Port port);
    // The first allocated port at or above `port`; Port{0}: there is none.
    [[nodiscard]] Port next(Port port) const;

    [[nodiscard]] uint32_t size() const { return size_; }

  private:
    struct Leaf {
        uint64_t used = 0;
        std::array<PortEntry, fan_out> entries{};
    };
    struct Node {
        uint64_t full = 0;
        uint64_t present = 0;
        std::array<Leaf *, fan_out> leaves{};
    };

    [[nodiscard]] Result<Leaf *> leaf_for_new(uint32_t number);
    [[nodiscard]] uint32_t lowest_free() const;
    void release_empty(uint32_t node, uint32_t leaf);

    uint64_t full_ = 0;
    std::array<Node *, fan_out> nodes_{};
    uint32_t size_ = 0;
};

}  // namespace ringfold
