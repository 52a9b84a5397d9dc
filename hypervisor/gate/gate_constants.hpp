// SPDX-License-Identifier: Apache-2.0
//
// What the gate knows: one page per physical CPU, at the same address everywhere, read-only in the guest's face of slot
// 256. The hypervisor writes it through its own face whenever this CPU takes up another vCPU or the vCPU registers
// something. The gate trusts these words and the pushed CS and RIP, and nothing else.
#pragma once

#include "hypervisor/mm/virtual_map.hpp"

#include <array>
#include <cstdint>

namespace ringfold {

// Index into GateConstants::entries: exceptions by vector, then these.
enum class GateEntry : uint8_t {
    double_fault = 8,
    int80 = 32,
    upcall = 33,
    bad_return = 34,
    count = 35,
};

struct GateConstants {
    uint64_t hypervisor_root;       // CR3 value that enters the hypervisor's space (with the no-flush bit, if PCID)
    uint64_t hypervisor_root_seen;  // what MOV from CR3 shows there
    uint64_t guest_root;            // CR3 value for the next return to the guest (may flush)
    uint64_t keep_translations;     // bit 63 where there is PCID, else 0: ORed into a CR3 value that must not flush
    uint64_t hypercall_return;      // registered; a value that no RIP can have when there is none
    uint64_t syscall;               // registered entry points
    uint64_t syscall32;
    uint64_t syscall_reach;  // as store_reach; all ones, so that every check fails, when there is no entry
    uint64_t syscall32_reach;
    uint64_t slot_bias;     // added to a stack pointer; the sum is below store_reach
    uint64_t store_reach;   //   if a frame pushed there would touch slot 256
    uint64_t window_iretq;  // registered; a value that no RIP can have when there is none
    uint64_t gate_calls;    // 1: invalidations of any address may be done in the gate; 0: lower half only
    std::array<uint64_t, static_cast<std::size_t>(GateEntry::count)> entries;  // 0: none
};
static_assert(sizeof(GateConstants) <= virtual_map::gate_constants.size);

// An address that is not canonical, so that no instruction pointer equals it.
inline constexpr uint64_t unreachable_rip = 0x8000'0000'0000'0000;

// The most the gate pushes in one go: SS, RSP, RFLAGS, CS, RIP, error code, vector.
inline constexpr uint64_t largest_push = 7 * sizeof(uint64_t);

// For a stack pointer p: [p - largest_push, p) touches slot 256 exactly if p + slot_bias < store_reach (unsigned), that
// is, if slot_base < p < slot_end + largest_push.
inline constexpr uint64_t slot_bias = ~virtual_map::slot_base;  // -(slot_base + 1)
inline constexpr uint64_t store_reach = virtual_map::slot_size + largest_push - 1;

[[nodiscard]] constexpr bool push_misses_slot(uint64_t stack_pointer) {
    return stack_pointer + slot_bias >= store_reach;
}
static_assert(push_misses_slot(virtual_map::slot_base));
static_assert(!push_misses_slot(virtual_map::slot_base + 1));
static_assert(!push_misses_slot(virtual_map::slot_base + virtual_map::slot_size + largest_push - 1));
static_assert(push_misses_slot(virtual_map::slot_base + virtual_map::slot_size + largest_push));
static_assert(push_misses_slot(0xffff'ffff'ffff'fff0) && push_misses_slot(0x7fff'ffff'f000));

// Scratch: what the gate spills before it has a stack. Written by the guest as it likes between entries.
struct GateSpill {
    uint64_t rsp;
    uint64_t rax;
    uint64_t rdx;
    uint64_t delivered_from;  // gate_deliver: RPL of the ring that is interrupted (1 or 3), written just before
};

}  // namespace ringfold
