// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/cpu_space.hpp"

#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/domain/local_descriptor_table.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/virtual_map.hpp"

namespace ringfold {

namespace {

using virtual_map::Region;

// Fresh, cleared frames for all of `region`.
Result<void> map_new(PageMapper &mapper, const Region &region, Access access, FrameSource source) {
    for (uint64_t address = region.base; address < region.end(); address += page_size) {
        const MachineFrame frame = TRY(new_table(source));
        TRY(mapper.map(address, address_of(frame), page_size, access));
    }
    return {};
}

// The frame that `mapper` has at `address`, which is mapped.
MachineFrame frame_at(const PageMapper &mapper, uint64_t address) { return mapper.find(address)->frame; }

void set_leaf(MachineFrame l1, uint64_t address, uint64_t entry) {
    pointer_to<volatile uint64_t>(l1)[l1_index(address)] = entry;
}

}  // namespace

Result<void> CpuSpace::build_gate(MachineFrame gate_text, uint64_t gate_text_size, FrameSource source) {
    PageMapper ours{hypervisor_face, source};
    PageMapper guests{guest_face, source};
    hypervisor_gate_l1_ = TRY(ours.l1_table(virtual_map::gate.base));
    guest_gate_l1_ = TRY(guests.l1_table(virtual_map::gate.base));

    const uint64_t text_size = align_up(gate_text_size, page_size);
    for (PageMapper *face : {&ours, &guests}) {
        TRY(face->map(virtual_map::gate_text.base, address_of(gate_text), text_size, Access::execute));
    }
    for (const Region &region :
         {virtual_map::gate_constants, virtual_map::gate_gdt, virtual_map::gate_idt, virtual_map::gate_tss}) {
        TRY(map_new(ours, region, Access::read_write, source));
        TRY(guests.map(region.base, address_of(frame_at(ours, region.base)), region.size, Access::read_only));
    }
    // Different frames in each face: what happens in the hypervisor leaves nothing that a guest can read.
    for (const Region &region : {virtual_map::gate_stack, virtual_map::gate_ist, virtual_map::gate_spill}) {
        TRY(map_new(ours, region, Access::read_write, source));
        TRY(map_new(guests, region, Access::read_write, source));
    }
    return {};
}

Result<void> CpuSpace::build_this_cpu(MachineFrame shared, FrameSource source) {
    // The image shares its gibibyte, and so an L2 table, with the region that is this CPU's own.
    static_assert(l3_index(virtual_map::image.base) == l3_index(virtual_map::this_cpu.base));
    PageMapper ours{hypervisor_face, source};
    const uint64_t index = l3_index(virtual_map::image.base);
    const MachineFrame shared_l2 = frame_in(pointer_to<uint64_t>(shared)[index]);
    pointer_to<uint64_t>(hypervisor_face)[index] = 0;
    const MachineFrame own_l2 = TRY(ours.l2_table(virtual_map::image.base));
    __builtin_memcpy(pointer_to(own_l2), pointer_to(shared_l2), page_size);

    constexpr Order data_order{3};
    static_assert(virtual_map::cpu_data.size == data_order.frames().bytes());
    data = TRY(source(data_order));
    __builtin_memset(pointer_to(data), 0, virtual_map::cpu_data.size);
    TRY(ours.map(virtual_map::cpu_data.base, address_of(data), virtual_map::cpu_data.size, Access::read_write));
    for (const Region &stack : virtual_map::stacks) {
        TRY(map_new(ours, stack, Access::read_write, source));
    }
    const PageMapper guests{guest_face, source};
    for (uint64_t offset = 0; offset < virtual_map::guest_scratch.size; offset += page_size) {
        const MachineFrame scratch = frame_at(guests, virtual_map::gate_stack.base + offset);
        TRY(ours.map(virtual_map::guest_scratch.base + offset, address_of(scratch), page_size, Access::read_write));
    }
    return {};
}

Result<CpuSpace> CpuSpace::create(MachineFrame shared, MachineFrame gate_text, uint64_t gate_text_size,
                                  FrameSource source) {
    CpuSpace space;
    space.hypervisor_root = TRY(new_table(source));
    space.hypervisor_face = TRY(new_table(source));
    space.guest_face = TRY(new_table(source));
    __builtin_memcpy(pointer_to(space.hypervisor_face), pointer_to(shared), page_size);
    pointer_to<uint64_t>(space.hypervisor_root)[virtual_map::slot] =
        address_of(space.hypervisor_face).raw() | table_flags;

    TRY(space.build_gate(gate_text, gate_text_size, source));
    TRY(space.build_this_cpu(shared, source));

    // The guest face shares the machine-to-physical table's L2; the L3 entry takes the right to write away.
    const uint64_t index = l3_index(virtual_map::machine_to_physical.base);
    const uint64_t writable = pointer_to<uint64_t>(shared)[index];
    pointer_to<uint64_t>(space.guest_face)[index] = (writable & ~page_flag::writable) | page_flag::no_execute;
    return space;
}

void CpuSpace::set_vcpu_page(MachineFrame frame) {
    set_leaf(guest_gate_l1_, virtual_map::vcpu_page.base,
             address_of(frame).raw() | leaf_flags(Access::read_write, Caching::write_back));
}

void CpuSpace::map_local_descriptors(const LocalDescriptorTable &table) {
    for (uint32_t page = 0; page < LocalDescriptorTable::page_count; ++page) {
        const uint64_t address = virtual_map::gate_ldt.base + page * page_size;
        const uint64_t entry = page < table.pages() ? address_of(table.frame(page)).raw() |
                                                          leaf_flags(Access::read_only, Caching::write_back)
                                                    : 0;
        if (pointer_to<uint64_t>(hypervisor_gate_l1_)[l1_index(address)] == entry) {
            continue;
        }
        set_leaf(hypervisor_gate_l1_, address, entry);
        set_leaf(guest_gate_l1_, address, entry);
        invalidate_page(address);
    }
}

}  // namespace ringfold
