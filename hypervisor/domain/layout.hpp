// SPDX-License-Identifier: Apache-2.0
//
// Where a new domain finds things: which frames, counted from the first one that is mapped, hold image, module, start
// info, tables and stack, and how many page tables it takes to map the beginning of its memory (abi start_info.h).
// Arithmetic only.
#pragma once

#include "hypervisor/domain/elf_image.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <cstdint>

namespace ringfold {

struct DomainLayout {
    static constexpr FrameCount stack_frames{4};
    static constexpr uint64_t default_mapped_bytes = uint64_t{64} << 20;

    FrameCount mapped;  // from frame 0 on, at virtual_base
    uint64_t virtual_base = 0;
    GuestFrame module;  // its first frame
    uint64_t module_size = 0;
    GuestFrame start_info;
    GuestFrame physical_to_machine;
    GuestFrame page_tables;  // L4, then L3s, L2s, L1s
    FrameCount page_table_count;
    FrameCount l3_count;
    FrameCount l2_count;
    FrameCount l1_count;
    GuestFrame stack;
    GuestFrame vcpu_page;
    GuestFrame first_free;

    [[nodiscard]] GuestFrame l3_tables() const { return page_tables + FrameCount{1}; }
    [[nodiscard]] GuestFrame l2_tables() const { return l3_tables() + l3_count; }
    [[nodiscard]] GuestFrame l1_tables() const { return l2_tables() + l2_count; }
    [[nodiscard]] bool is_page_table(GuestFrame frame) const {
        return frame >= page_tables && frame < page_tables + page_table_count;
    }
    [[nodiscard]] uint64_t address(GuestFrame frame) const { return virtual_base + (frame.raw() << page_shift); }
};

// `memory` is what there is in a row, `map_frames` what the physical-to-machine map takes.
// out_of_memory: the domain is too small for the image and what goes with it; malformed: the mapping would not fit
// between virtual_base and the end of the address space, or would reach into slot 256.
[[nodiscard]] Result<DomainLayout> lay_out_domain(const ElfImage &image, FrameCount memory, uint64_t module_size,
                                                  FrameCount map_frames);

}  // namespace ringfold
