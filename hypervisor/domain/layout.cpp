// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/layout.hpp"

#include "hypervisor/mm/virtual_map.hpp"

#include <algorithm>

namespace ringfold {

namespace {

// How many tables whose entries cover `bytes_per_entry` each does [base, base + size) touch? size > 0.
FrameCount tables_for(uint64_t base, uint64_t size, uint64_t bytes_per_entry) {
    const uint64_t bytes_per_table = bytes_per_entry * table_entries;
    return FrameCount{(base + (size - 1)) / bytes_per_table - base / bytes_per_table + 1};
}

}  // namespace

Result<DomainLayout> lay_out_domain(const ElfImage &image, FrameCount memory, uint64_t module_size,
                                    FrameCount map_frames) {
    DomainLayout layout;
    layout.virtual_base = image.virtual_base.raw();
    const uint64_t wanted = image.mapped_bytes.value_or(DomainLayout::default_mapped_bytes);
    layout.mapped = std::min(memory, FrameCount::holding(wanted));
    if (layout.mapped.raw() == 0) {
        return Error::out_of_memory;
    }
    const uint64_t size = layout.mapped.bytes();
    if (layout.virtual_base + (size - 1) < layout.virtual_base || !is_canonical(layout.virtual_base) ||
        !is_canonical(layout.virtual_base + (size - 1)) || virtual_map::touches_slot(layout.virtual_base, size)) {
        return Error::malformed;
    }
    layout.l1_count = tables_for(layout.virtual_base, size, page_size);
    layout.l2_count = tables_for(layout.virtual_base, size, big_page_size);
    layout.l3_count = tables_for(layout.virtual_base, size, virtual_map::gibibyte);
    layout.page_table_count = FrameCount{1} + layout.l3_count + layout.l2_count + layout.l1_count;

    GuestFrame next = image.end_frame();
    const auto take = [&next](FrameCount count) {
        const GuestFrame first = next;
        next += count;
        return first;
    };
    layout.module_size = module_size;
    layout.module = take(FrameCount::holding(module_size));
    layout.start_info = take(FrameCount{1});
    layout.physical_to_machine = take(map_frames);
    layout.page_tables = take(layout.page_table_count);
    layout.stack = take(DomainLayout::stack_frames);
    layout.vcpu_page = take(FrameCount{1});
    layout.first_free = next;
    if (layout.first_free > GuestFrame{layout.mapped.raw()}) {
        return Error::out_of_memory;
    }
    return layout;
}

}  // namespace ringfold
