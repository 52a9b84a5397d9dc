// SPDX-License-Identifier: Apache-2.0
//
// The numbers that gate.asm and entry.asm share with C++. Compiled to text only; see offsets_macro.hpp.
#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/gate/gate_constants.hpp"
#include "hypervisor/gate/offsets_macro.hpp"
#include "hypervisor/gate/selectors.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <ringfold/hypercall.h>
#include <ringfold/vcpu.h>

namespace ringfold {

void offsets();

void offsets() {
    CONSTANT(GATE_CONSTANTS, virtual_map::gate_constants.base);
    OFFSET(CONSTANTS_HYPERVISOR_ROOT, GateConstants, hypervisor_root);
    OFFSET(CONSTANTS_HYPERVISOR_ROOT_SEEN, GateConstants, hypervisor_root_seen);
    OFFSET(CONSTANTS_GUEST_ROOT, GateConstants, guest_root);
    OFFSET(CONSTANTS_KEEP_TRANSLATIONS, GateConstants, keep_translations);
    OFFSET(CONSTANTS_HYPERCALL_RETURN, GateConstants, hypercall_return);
    OFFSET(CONSTANTS_SYSCALL, GateConstants, syscall);
    OFFSET(CONSTANTS_SYSCALL32, GateConstants, syscall32);
    OFFSET(CONSTANTS_SYSCALL_REACH, GateConstants, syscall_reach);
    OFFSET(CONSTANTS_SYSCALL32_REACH, GateConstants, syscall32_reach);
    OFFSET(CONSTANTS_SLOT_BIAS, GateConstants, slot_bias);
    OFFSET(CONSTANTS_STORE_REACH, GateConstants, store_reach);
    OFFSET(CONSTANTS_WINDOW_IRETQ, GateConstants, window_iretq);
    OFFSET(CONSTANTS_GATE_CALLS, GateConstants, gate_calls);
    OFFSET(CONSTANTS_ENTRIES, GateConstants, entries);
    CONSTANT(ENTRY_DOUBLE_FAULT, GateEntry::double_fault);
    CONSTANT(ENTRY_INT80, GateEntry::int80);
    CONSTANT(ENTRY_UPCALL, GateEntry::upcall);
    CONSTANT(ENTRY_BAD_RETURN, GateEntry::bad_return);

    CONSTANT(GATE_SPILL, virtual_map::gate_spill.base);
    OFFSET(SPILL_RSP, GateSpill, rsp);
    OFFSET(SPILL_RAX, GateSpill, rax);
    OFFSET(SPILL_RDX, GateSpill, rdx);
    OFFSET(SPILL_DELIVERED_FROM, GateSpill, delivered_from);

    CONSTANT(GATE_STACK_TOP, virtual_map::gate_stack.end());
    CONSTANT(GATE_STACK_ALIAS_TOP, virtual_map::guest_scratch_alias(virtual_map::gate_stack.base) + page_size);
    CONSTANT(IST_TOP_1, virtual_map::gate_ist.base + 1 * page_size);
    CONSTANT(IST_TOP_2, virtual_map::gate_ist.base + 2 * page_size);
    CONSTANT(IST_TOP_3, virtual_map::gate_ist.base + 3 * page_size);
    CONSTANT(IST_TOP_4, virtual_map::gate_ist.base + 4 * page_size);
    CONSTANT(IST_ALIAS_TOP_1, virtual_map::guest_scratch_alias(virtual_map::gate_ist.base) + 1 * page_size);
    CONSTANT(IST_ALIAS_TOP_2, virtual_map::guest_scratch_alias(virtual_map::gate_ist.base) + 2 * page_size);
    CONSTANT(IST_ALIAS_TOP_3, virtual_map::guest_scratch_alias(virtual_map::gate_ist.base) + 3 * page_size);
    CONSTANT(IST_ALIAS_TOP_4, virtual_map::guest_scratch_alias(virtual_map::gate_ist.base) + 4 * page_size);
    CONSTANT(MAIN_STACK_TOP, virtual_map::main_stack.end());
    CONSTANT(NMI_STACK_TOP, virtual_map::nmi_stack.end());
    CONSTANT(MACHINE_CHECK_STACK_TOP, virtual_map::machine_check_stack.end());
    CONSTANT(DEBUG_STACK_TOP, virtual_map::debug_stack.end());
    CONSTANT(DOUBLE_FAULT_STACK_TOP, virtual_map::double_fault_stack.end());

    CONSTANT(VCPU_PAGE, virtual_map::vcpu_page.base);
    OFFSET(PAGE_RETURN_FRAME, ringfold_vcpu_page, return_frame);
    OFFSET(PAGE_INTERRUPT_FLAG, ringfold_vcpu_page, interrupt_flag);
    OFFSET(PAGE_UPCALL_PENDING, ringfold_vcpu_page, upcall_pending);
    OFFSET(PAGE_CR2, ringfold_vcpu_page, cr2);
    OFFSET(PAGE_KERNEL_STACK, ringfold_vcpu_page, kernel_stack);
    OFFSET(PAGE_EMERGENCY_STACK, ringfold_vcpu_page, emergency_stack);
    OFFSET(PAGE_KERNEL_GS_BASE, ringfold_vcpu_page, kernel_gs_base);
    OFFSET(PAGE_USER_GS_BASE, ringfold_vcpu_page, user_gs_base);

    CONSTANT(GUEST_KERNEL_CS, guest_kernel_cs);
    CONSTANT(GUEST_KERNEL_DS, guest_kernel_ds);
    CONSTANT(GUEST_USER_CS, guest_user_cs);
    CONSTANT(GUEST_USER32_CS, guest_user32_cs);
    CONSTANT(GUEST_USER_DS, guest_user_ds);

    CONSTANT(VECTOR_HYPERCALL, vector_hypercall);
    CONSTANT(VECTOR_UNDELIVERABLE, vector_undeliverable);
    CONSTANT(GATE_CALL_INVALIDATE_PAGE, RINGFOLD_GATE_INVALIDATE_PAGE);
    CONSTANT(GATE_CALL_FLUSH, RINGFOLD_GATE_FLUSH);
    CONSTANT(VECTOR_INT80, RINGFOLD_VECTOR_INT80);
    CONSTANT(VECTOR_SLOW_RETURN, RINGFOLD_VECTOR_SLOW_RETURN);

    CONSTANT(RETURN_WITHOUT_IRETQ, RingZeroReturn::without_iretq);
    CONSTANT(RETURN_NMI, RingZeroReturn::nmi);
    CONSTANT(RETURN_MACHINE_CHECK, RingZeroReturn::machine_check);
    CONSTANT(ENTRY_FRAME_SIZE, sizeof(EntryFrame));
}

static_assert(RINGFOLD_VCPU_PAGE_ADDRESS == virtual_map::vcpu_page.base);
static_assert(RINGFOLD_MACHINE_TO_PHYSICAL_ADDRESS == virtual_map::machine_to_physical.base);

}  // namespace ringfold
