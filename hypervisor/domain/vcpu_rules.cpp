// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/vcpu_rules.hpp"

#include "hypervisor/gate/descriptor.hpp"
#include "hypervisor/gate/selectors.hpp"
#include "hypervisor/mm/virtual_map.hpp"
#include "hypervisor/platform/vectors.hpp"

#include <algorithm>
#include <iterator>

namespace ringfold {

namespace {

// An address that the gate may IRETQ to: canonical, and not in slot 256.
bool is_code_address(uint64_t address) { return is_canonical(address) && !virtual_map::touches_slot(address, 1); }
bool is_code_address_or_none(uint64_t address) { return address == 0 || is_code_address(address); }

bool is_upper_half(uint64_t address) { return static_cast<int64_t>(address) < 0; }

Result<void> allowed_if(bool good) { return good ? Result<void>{} : Result<void>{Error::access_denied}; }

constexpr uint16_t requested_level = 3;  // RPL
constexpr uint16_t local_table = 4;      // the selector is of the LDT

// Ring 1 has one code segment, and its data segment or none for a stack. In ring 3 whatever says so: a return to a
// selector that is none is a bad return, as after a slow one.
bool is_code_and_stack(uint16_t cs, uint16_t ss) {
    if (cs == guest_kernel_cs) {
        return ss == guest_kernel_ds || (ss & ~uint16_t{1}) == 0;
    }
    return (cs & requested_level) == requested_level && (ss & requested_level) == requested_level;
}

// Something that a guest can load: nothing, its own descriptors, or the GDT's with a DPL above 0.
bool is_data_selector(uint16_t selector) {
    const unsigned index = selector / 8;
    const bool own = index >= tls_first_index && index <= cpu_number_index;
    const bool fixed = index >= guest_kernel_cs / 8 && index <= guest_user_cs / 8;
    return index == 0 || (selector & local_table) != 0 || own || fixed;
}

// Flags that an interrupted guest can have (Intel SDM vol. 1, 3.4.3): interrupts on, I/O privilege 0, no virtual-8086
// mode, no virtual interrupts.
bool is_flags(uint64_t flags) {
    constexpr uint64_t always = 0x202;  // IF and the bit that is always 1
    constexpr uint64_t sometimes = 0x25'4dd5;
    return (flags & always) == always && (flags & ~(always | sometimes)) == 0;
}

}  // namespace

Result<void> check_context(const ringfold_vcpu_context &context) {
    if (context.reserved != 0) {
        return Error::invalid_argument;
    }
    return allowed_if(is_code_address(context.rip) && is_canonical(context.gs_base) && is_canonical(context.fs_base));
}

Result<void> check_entries(const ringfold_vcpu_entries &entries) {
    for (unsigned vector = 0; vector < exception_vectors; ++vector) {
        const bool ignored = vector == vector_nmi || vector == vector_machine_check;
        if (!ignored && !is_code_address_or_none(entries.exceptions[vector])) {
            return Error::access_denied;
        }
    }
    return allowed_if(is_code_address_or_none(entries.hypercall_return) &&
                      (entries.hypercall_return == 0 || is_upper_half(entries.hypercall_return)) &&
                      is_code_address_or_none(entries.syscall) && is_code_address_or_none(entries.syscall32) &&
                      is_code_address_or_none(entries.int80) && is_code_address_or_none(entries.upcall) &&
                      is_code_address_or_none(entries.bad_return) && is_code_address_or_none(entries.window_start) &&
                      is_code_address_or_none(entries.window_iretq) && entries.window_start <= entries.window_iretq);
}

Result<void> check_registers(const ringfold_vcpu_registers &registers) {
    TRY(check_entries(registers.entries));
    const auto &descriptors = registers.thread_descriptors;
    const auto &watched = registers.debug_addresses;
    return allowed_if(
        is_code_address(registers.rip) && is_flags(registers.rflags) && is_code_and_stack(registers.cs, registers.ss) &&
        is_data_selector(registers.ds) && is_data_selector(registers.es) && is_data_selector(registers.fs) &&
        is_data_selector(registers.gs) && is_canonical(registers.fs_base) && is_canonical(registers.gs_base) &&
        is_debug_control(registers.debug_control) && std::all_of(std::begin(watched), std::end(watched), may_watch) &&
        std::all_of(std::begin(descriptors), std::end(descriptors), descriptor::guest_may_have) &&
        descriptor::guest_may_have(registers.cpu_number_descriptor));
}

// A breakpoint covers at most 8 bytes; it must not reach into slot 256 from below.
bool may_watch(uint64_t address) {
    constexpr uint64_t widest = 8;
    return is_canonical(address) && !virtual_map::touches_slot(address, widest);
}

// DR7 (Intel SDM vol. 3B, 18.2.4): L/G enables, LE, GE; bit 10 set; RTM (11), GD (13) and 12, 14, 15 clear; for each
// breakpoint a condition (00 execute, 01 write, 11 read or write; 10 is I/O) and a length.
bool is_debug_control(uint64_t control) {
    constexpr uint64_t refused = 0xffff'ffff'0000'f800;
    if ((control & refused) != 0) {
        return false;
    }
    for (unsigned breakpoint = 0; breakpoint < 4; ++breakpoint) {
        const uint64_t condition = (control >> (16 + breakpoint * 4)) & 3;
        const uint64_t length = (control >> (18 + breakpoint * 4)) & 3;
        if (condition == 2 || (condition == 0 && length != 0)) {
            return false;
        }
    }
    return true;
}

}  // namespace ringfold
