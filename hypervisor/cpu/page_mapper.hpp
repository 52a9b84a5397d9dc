// SPDX-License-Identifier: Apache-2.0
//
// Builds and reads page tables of slot 256, from a face's L3 table down. Tables are reached through the direct map
// (mm/machine_memory.hpp), so the same code runs in unit tests.
#pragma once

#include "hypervisor/cpu/page_flags.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/machine_memory.hpp"

#include <cstdint>
#include <optional>

namespace ringfold {

// Where frames for page tables and arrays come from: blocks aligned to their size, with any content.
using FrameSource = Result<MachineFrame> (*)(Order order);

// A leaf as a walk finds it: permissions are those of the whole path.
struct Mapping {
    uint64_t address;
    uint64_t size;
    MachineFrame frame;
    bool writable;
    bool executable;
    bool user;
    bool global;
    [[nodiscard]] constexpr FrameCount frames() const { return FrameCount::holding(size); }
};

class PageMapper {
  public:
    constexpr PageMapper(MachineFrame l3, FrameSource source) : l3_(l3), source_(source) {}

    // Maps `size` bytes from `address` on to machine memory from `target` on, all multiples of 4 KiB, with the largest
    // pages that fit. already_exists: something is mapped there; pages before it may have been mapped.
    [[nodiscard]] Result<void> map(uint64_t address, MachineAddress target, uint64_t size, Access access,
                                   Caching caching = Caching::write_back, uint64_t largest_page = big_page_size);
    // Makes sure that the L2 table for `address` exists, and returns its frame.
    [[nodiscard]] Result<MachineFrame> l2_table(uint64_t address);
    // Makes sure that the L1 table for `address` exists, and returns its frame.
    [[nodiscard]] Result<MachineFrame> l1_table(uint64_t address);

    // The leaf that maps `address`, if any.
    [[nodiscard]] std::optional<Mapping> find(uint64_t address) const;

  private:
    [[nodiscard]] Result<MachineFrame> next_table(uint64_t &entry);
    [[nodiscard]] Result<void> map_page(uint64_t address, MachineAddress target, uint64_t page, uint64_t flags);

    MachineFrame l3_;
    FrameSource source_;
};

// A frame for a table, cleared.
[[nodiscard]] Result<MachineFrame> new_table(FrameSource source);

namespace page_mapper_details {

inline constexpr unsigned l1_shift = 12;

template <typename Visitor>
void walk(MachineFrame table, unsigned shift, uint64_t address, uint64_t path, Visitor &visit) {
    const uint64_t *entries = pointer_to<const uint64_t>(table);
    for (uint64_t index = 0; index < table_entries; ++index) {
        const uint64_t entry = entries[index];
        if ((entry & page_flag::present) == 0) {
            continue;
        }
        // Writable and user need every level's consent; no-execute any level's.
        constexpr uint64_t all_levels = page_flag::writable | page_flag::user;
        const uint64_t combined = (path & entry & all_levels) | ((path | entry) & page_flag::no_execute);
        const uint64_t where = address + (index << shift);
        if (shift == l1_shift || (entry & page_flag::big) != 0) {
            visit(Mapping{.address = where,
                          .size = uint64_t{1} << shift,
                          .frame = MachineFrame{align_down(frame_in(entry).raw(), (uint64_t{1} << shift) / page_size)},
                          .writable = (combined & page_flag::writable) != 0,
                          .executable = (combined & page_flag::no_execute) == 0,
                          .user = (combined & page_flag::user) != 0,
                          .global = (entry & page_flag::global) != 0});
        } else {
            walk(frame_in(entry), shift - 9, where, combined, visit);
        }
    }
}

}  // namespace page_mapper_details

// Calls visit(const Mapping &) for each leaf below the L3 table `l3`, whose first entry maps `base`.
template <typename Visitor>
void for_each_mapping(MachineFrame l3, uint64_t base, Visitor &&visit) {
    page_mapper_details::walk(l3, 30, base, page_flag::writable | page_flag::user, visit);
}

}  // namespace ringfold
