// SPDX-License-Identifier: Apache-2.0
//
// Entries of the hypervisor's own page tables (Intel SDM vol. 3A, 4.5). What a leaf allows is one of three things;
// there is no way to ask for writable and executable at once.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <cstdint>

namespace ringfold {

namespace page_flag {
inline constexpr uint64_t present = uint64_t{1} << 0;
inline constexpr uint64_t writable = uint64_t{1} << 1;
inline constexpr uint64_t user = uint64_t{1} << 2;
inline constexpr uint64_t write_through = uint64_t{1} << 3;
inline constexpr uint64_t cache_disable = uint64_t{1} << 4;
inline constexpr uint64_t accessed = uint64_t{1} << 5;
inline constexpr uint64_t dirty = uint64_t{1} << 6;
inline constexpr uint64_t big = uint64_t{1} << 7;  // a 1 GiB or 2 MiB page in an L3 or L2 entry
inline constexpr uint64_t global = uint64_t{1} << 8;
inline constexpr uint64_t no_execute = uint64_t{1} << 63;
}  // namespace page_flag

inline constexpr uint64_t entry_frame_mask = 0x000f'ffff'ffff'f000;
inline constexpr uint64_t gigabyte_page_size = uint64_t{1} << 30;

// A table's own entry restricts nothing: its leaves say what is allowed. Supervisor only.
inline constexpr uint64_t table_flags = page_flag::present | page_flag::writable | page_flag::accessed;

enum class Access : uint8_t { read_only, read_write, execute };
enum class Caching : uint8_t { write_back, uncached };

[[nodiscard]] constexpr uint64_t leaf_flags(Access access, Caching caching) {
    uint64_t flags = page_flag::present | page_flag::accessed;
    if (caching == Caching::uncached) {
        flags |= page_flag::cache_disable | page_flag::write_through;  // PAT entry 3: UC
    }
    switch (access) {
        case Access::read_only:
            return flags | page_flag::no_execute;
        case Access::read_write:
            // Dirty beforehand: nothing of ours is ever written back, and hardware need not set it.
            return flags | page_flag::no_execute | page_flag::writable | page_flag::dirty;
        case Access::execute:
            return flags;
    }
    return 0;
}

[[nodiscard]] constexpr MachineFrame frame_in(uint64_t entry) {
    return MachineFrame{(entry & entry_frame_mask) >> page_shift};
}

// Which entry of an L3, L2 or L1 table an address is found at.
[[nodiscard]] constexpr uint64_t l3_index(uint64_t address) { return (address >> 30) % table_entries; }
[[nodiscard]] constexpr uint64_t l2_index(uint64_t address) { return (address >> 21) % table_entries; }
[[nodiscard]] constexpr uint64_t l1_index(uint64_t address) { return (address >> 12) % table_entries; }

}  // namespace ringfold
