// SPDX-License-Identifier: Apache-2.0
//
// The page tables that a domain starts on, and what its start-info page says of its layout: for the builder of boot
// domains and for dom0's tools, which reach the domain's memory in different ways.
#pragma once

#include "hypervisor/domain/elf_image.hpp"
#include "hypervisor/domain/layout.hpp"
#include "hypervisor/mm/entry.hpp"

#include <ringfold/start_info.h>

#include <concepts>
#include <cstdint>

namespace ringfold {

// The memory of a domain that is being built: the machine frame behind a frame, and a frame's words to write.
template <typename Memory>
concept BuilderMemory = requires(const Memory &memory, GuestFrame frame) {
    { memory[frame] } -> std::same_as<MachineFrame>;
    { memory.words(frame) } -> std::same_as<uint64_t *>;
};

namespace first_mapping {

inline constexpr uint64_t table_flags = RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_ACCESSED;
inline constexpr uint64_t data_flags = RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_ACCESSED |
                                       RINGFOLD_ENTRY_DIRTY | RINGFOLD_ENTRY_NO_EXECUTE;

// The flags with which a frame is mapped.
[[nodiscard]] inline uint64_t flags_of(GuestFrame frame, const ElfImage &image, const DomainLayout &layout) {
    if (layout.is_page_table(frame)) {
        return data_flags & ~uint64_t{RINGFOLD_ENTRY_WRITABLE};
    }
    for (const ElfSegment &segment : image.segments()) {
        if (frame >= segment.first_frame() && frame < segment.end_frame()) {
            return (segment.writable ? data_flags : data_flags & ~uint64_t{RINGFOLD_ENTRY_WRITABLE}) &
                   ~(segment.executable ? uint64_t{RINGFOLD_ENTRY_NO_EXECUTE} : 0);
        }
    }
    return data_flags;
}

// Writes an entry, by its number counted over all of `tables`, the first of which is number `first` of its level.
void set_entry(const BuilderMemory auto &memory, GuestFrame tables, uint64_t first, uint64_t number, Entry entry) {
    const uint64_t index = number - first * table_entries;
    memory.words(tables + FrameCount{index / table_entries})[index % table_entries] = entry.raw();
}

// Hangs `count` tables of one level, the first of which is number `first` of its level, into those of the level above.
void link(const BuilderMemory auto &memory, GuestFrame upper_tables, uint64_t upper_first, GuestFrame tables,
          uint64_t first, FrameCount count) {
    for (FrameCount index{0}; index < count; index += FrameCount{1}) {
        set_entry(memory, upper_tables, upper_first, first + index.raw(), Entry{memory[tables + index], table_flags});
    }
}

}  // namespace first_mapping

// Fills the page tables. A table of level n is numbered by the address it covers, from address 0 of the (48-bit) space.
void write_first_mapping(const BuilderMemory auto &memory, const ElfImage &image, const DomainLayout &layout) {
    constexpr uint64_t address_bits = (uint64_t{1} << 48) - 1;
    const uint64_t first_page = (layout.virtual_base & address_bits) >> page_shift;
    const uint64_t first_l1 = first_page / table_entries;
    const uint64_t first_l2 = first_l1 / table_entries;
    const uint64_t first_l3 = first_l2 / table_entries;
    first_mapping::link(memory, layout.page_tables, 0, layout.l3_tables(), first_l3, layout.l3_count);
    first_mapping::link(memory, layout.l3_tables(), first_l3, layout.l2_tables(), first_l2, layout.l2_count);
    first_mapping::link(memory, layout.l2_tables(), first_l2, layout.l1_tables(), first_l1, layout.l1_count);
    for (GuestFrame frame{0}; frame < GuestFrame{layout.mapped.raw()}; ++frame) {
        const Entry entry{memory[frame], first_mapping::flags_of(frame, image, layout)};
        first_mapping::set_entry(memory, layout.l1_tables(), first_l1, first_page + frame.raw(), entry);
    }
}

// What the start-info page says of the layout, as the domain knows its frames: `first_frame` is the layout's 0.
inline void describe_layout(const DomainLayout &layout, GuestFrame first_frame, ringfold_start_info &info) {
    const auto number = [&](GuestFrame frame) { return first_frame.raw() + frame.raw(); };
    info.first_frame = first_frame.raw();
    info.virtual_base = layout.virtual_base;
    info.mapped_frames = layout.mapped.raw();
    info.page_tables = number(layout.page_tables);
    info.page_table_count = layout.page_table_count.raw();
    info.stack_top = layout.address(layout.stack + DomainLayout::stack_frames);
    info.vcpu_page = number(layout.vcpu_page);
    info.first_free_frame = number(layout.first_free);
    info.module_address = layout.module_size == 0 ? 0 : layout.address(layout.module);
    info.module_size = layout.module_size;
}

}  // namespace ringfold
