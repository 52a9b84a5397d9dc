// SPDX-License-Identifier: Apache-2.0
//
// The guest's page tables: reading them, and changing them by the page-table batch.
#pragma once

#include "framework/frame_numbers.hpp"
#include "framework/hypercall.hpp"

#include <ringfold/page_table.h>

#include <cstdint>

namespace guest {

// Usual flags of entries; accessed and dirty are set so that the processor need not write them.
inline constexpr uint64_t table_flags =
    RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_USER | RINGFOLD_ENTRY_ACCESSED;
inline constexpr uint64_t kernel_read_only =
    RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_ACCESSED | RINGFOLD_ENTRY_NO_EXECUTE;
inline constexpr uint64_t kernel_data = kernel_read_only | RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_DIRTY;
inline constexpr uint64_t kernel_code = RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_ACCESSED;
inline constexpr uint64_t user_read_only = kernel_read_only | RINGFOLD_ENTRY_USER;
inline constexpr uint64_t user_data = kernel_data | RINGFOLD_ENTRY_USER;
inline constexpr uint64_t user_code = kernel_code | RINGFOLD_ENTRY_USER;

constexpr uint64_t entry_for(MachineFrame frame, uint64_t flags) { return frame.address() | flags; }
constexpr MachineFrame frame_in(uint64_t entry) { return {(entry & RINGFOLD_ENTRY_FRAME_MASK) / page_size}; }
constexpr bool is_present(uint64_t entry) { return (entry & RINGFOLD_ENTRY_PRESENT) != 0; }

constexpr uint64_t index_of(uint64_t linear, unsigned level) { return linear >> (12 + 9 * (level - 1)) & 511; }

// A page table of this domain as the initial mapping shows it.
const volatile uint64_t *table_entries_of(MachineFrame table);

// One entry of a page table; machine_address 0: a table on the way to it is missing.
struct Slot {
    uint64_t machine_address;
    uint64_t value;
};
Slot find_slot(MachineFrame root, uint64_t linear, unsigned level = 1);
Slot find_slot(uint64_t linear, unsigned level = 1);  // in the calling vCPU's root

constexpr uint64_t entry_address(MachineFrame table, uint64_t index) { return table.address() + 8 * index; }

// Single operations: status and progress as the hypercall gave them.
Result apply(const ringfold_page_table_operation &operation);
Result set_entry(uint64_t machine_address, uint64_t value);
Result set_entry_keeping(uint64_t machine_address, uint64_t value);
Result change_flags(uint64_t machine_address, uint32_t count, uint64_t value, uint64_t mask);
Result pin(MachineFrame table, uint32_t level);
Result unpin(MachineFrame table);
Result load_root(MachineFrame root, uint64_t mode = RINGFOLD_ROOT_FLUSH);
Result flush(uint32_t scope, uint64_t linear = 0, uint64_t pages = 0, uint64_t vcpus = 0);
// `count` operations that the caller wrote into its call buffer from offset 0 on; issues the rest after -EAGAIN.
Result apply_batch(uint64_t count);

// The entry that maps `linear` in the current root becomes `entry`, with its translation dropped on this vCPU. Missing
// tables are made. Anything refused ends the test: for what may be refused there is set_entry.
void map_page(uint64_t linear, uint64_t entry);
// The same for the initial mapping of one of the domain's frames.
void map_initially(PhysicalFrame frame, uint64_t flags);
void map_initially(MachineFrame frame, uint64_t flags);

// A free frame with `entries` in it (all zero if null), mapped read-only: ready to become a table.
MachineFrame make_table(const uint64_t *entries = nullptr);
// A copy of a root's kernel half; the lower half is empty.
MachineFrame make_root();

}  // namespace guest
