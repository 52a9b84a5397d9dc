// SPDX-License-Identifier: Apache-2.0
//
// The virtual memory map. All of Ringfold lives in L4 slot 256 (0xffff800000000000, 512 GiB), so that a guest's debug
// registers, which must miss slot 256, can never match an access of ours. Slot 256 has two faces:
//
//   region            guest's space                 hypervisor's space
//   ----------------  ----------------------------  --------------------------------------------------
//   gate text         r-x, shared                   r-x, the same frames
//   gate constants    r--, this CPU's               rw-, the same frames
//   gate scratch      rw-, this CPU's               rw-, *other* frames, private to the hypervisor
//   vCPU page         rw-, the current vCPU's       not mapped
//   image             -                             r-x / r-- / rw-
//   this CPU          -                             rw-, this CPU's (same address on every CPU)
//   devices           -                             rw-, uncached
//   M2P               r--, shared                   rw-
//   frame table       -                             rw-
//   translations      -                             rw-, debug builds: mm/translation_model.hpp
//   direct map        -                             rw- (r-- over the image's text and constants)
//
// No entry of slot 256 is ever global and nothing in it is reachable from ring 3.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <array>
#include <cstdint>

namespace ringfold::virtual_map {

inline constexpr uint64_t slot = 256;                         // the L4 entry that is ours in every space
inline constexpr uint64_t slot_base = 0xffff'8000'0000'0000;  // its first byte
inline constexpr uint64_t slot_size = uint64_t{1} << 39;      // 512 GiB

struct Region {
    uint64_t base;
    uint64_t size;
    [[nodiscard]] constexpr uint64_t end() const { return base + size; }
    [[nodiscard]] constexpr bool contains(uint64_t address) const { return address - base < size; }
};

inline constexpr uint64_t mebibyte = uint64_t{1} << 20;
inline constexpr uint64_t gibibyte = uint64_t{1} << 30;

// The gate region: one L1 table (2 MiB) per face and CPU.
inline constexpr Region gate{slot_base, 2 * mebibyte};
inline constexpr Region gate_text{gate.base, 4 * page_size};
inline constexpr Region gate_constants{gate.base + 0x10'000, page_size};  // struct GateConstants
inline constexpr Region gate_gdt{gate.base + 0x11'000, page_size};
inline constexpr Region gate_idt{gate.base + 0x12'000, page_size};  // 256 gates of 16 bytes
inline constexpr Region gate_tss{gate.base + 0x13'000, page_size};
inline constexpr Region gate_ldt{gate.base + 0x20'000, 16 * page_size};  // a checked copy of the guest's LDT
inline constexpr Region gate_stack{gate.base + 0x40'000, page_size};     // scratch: the RSP0 stack
inline constexpr Region gate_ist{gate.base + 0x41'000, 4 * page_size};   // scratch: IST 1..4, a page each
inline constexpr Region gate_spill{gate.base + 0x45'000, page_size};     // scratch: spill slots
inline constexpr Region vcpu_page{gate.base + 0x50'000, page_size};      // RINGFOLD_VCPU_PAGE_ADDRESS of the ABI

// Within reach of a JMP rel32 from the gate text.
inline constexpr Region image{slot_base + 1 * gibibyte, gibibyte / 2};
inline constexpr Region this_cpu{slot_base + 3 * gibibyte / 2, 2 * mebibyte};

// Inside `this_cpu`. A page below and above every stack stays unmapped: its guard.
inline constexpr Region cpu_data{this_cpu.base, 8 * page_size};               // struct PerCpu
inline constexpr Region main_stack{this_cpu.base + 0x10'000, 4 * page_size};  // hypercalls, interrupts, idle
inline constexpr Region nmi_stack{this_cpu.base + 0x18'000, 2 * page_size};
inline constexpr Region machine_check_stack{this_cpu.base + 0x1c'000, 2 * page_size};
inline constexpr Region debug_stack{this_cpu.base + 0x20'000, 2 * page_size};
inline constexpr Region double_fault_stack{this_cpu.base + 0x24'000, 2 * page_size};
// The frames that back gate_stack, gate_ist and gate_spill in the *guest's* face, in that order: how the hypervisor
// reads the frame of an entry and writes that of a return.
inline constexpr Region guest_scratch{this_cpu.base + 0x40'000, 6 * page_size};
inline constexpr std::array stacks{main_stack, nmi_stack, machine_check_stack, debug_stack, double_fault_stack};

inline constexpr Region devices{slot_base + 3 * gibibyte, gibibyte};
inline constexpr Region machine_to_physical{slot_base + 16 * gibibyte, gibibyte / 2};  // 8 bytes a frame
inline constexpr Region frame_table{slot_base + 32 * gibibyte, 4 * gibibyte};          // at most 64 bytes a frame
inline constexpr Region extent_table{slot_base + 40 * gibibyte, gibibyte};
inline constexpr Region translation_records{slot_base + 48 * gibibyte, gibibyte};  // debug: 16 bytes a frame
inline constexpr Region direct_map{slot_base + 256 * gibibyte, 256 * gibibyte};    // machine address 0 first

inline constexpr uint64_t highest_machine_address = direct_map.size;  // memory above is reported and left unused

inline constexpr std::array regions{
    gate, image, this_cpu, devices, machine_to_physical, frame_table, extent_table, translation_records, direct_map};

[[nodiscard]] consteval bool regions_are_sound() {
    for (std::size_t i = 0; i < regions.size(); ++i) {
        const Region &region = regions[i];
        if (region.base % (2 * mebibyte) != 0 || region.base < slot_base || region.end() > slot_base + slot_size) {
            return false;
        }
        if (i > 0 && regions[i - 1].end() > region.base) {
            return false;
        }
    }
    return true;
}
static_assert(regions_are_sound(), "regions are 2 MiB aligned, ascending, disjoint, and inside slot 256");
static_assert(this_cpu.end() - gate.base < 2 * gibibyte, "JMP rel32 reaches all of the image from the gate");
static_assert(highest_machine_address / page_size * 8 <= machine_to_physical.size);

static_assert(gate_spill.end() - gate_stack.base == guest_scratch.size);

// Where the hypervisor finds the byte that the guest's face has at `scratch_address`.
[[nodiscard]] constexpr uint64_t guest_scratch_alias(uint64_t scratch_address) {
    return scratch_address - gate_stack.base + guest_scratch.base;
}

// Does [base, base + size) touch slot 256? `size` is at least 1 and at most 2^39.
[[nodiscard]] constexpr bool touches_slot(uint64_t base, uint64_t size) {
    return base - slot_base < slot_size || base + (size - 1) - slot_base < slot_size;
}

}  // namespace ringfold::virtual_map
