// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/vcpu_start.hpp"

#include "hypervisor/cpu/extended_state.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/domain/vcpu_rules.hpp"
#include "hypervisor/gate/selectors.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace ringfold {

namespace {

constexpr uint64_t kernel_flags = 0x202;  // IF and the bit that is always 1

bool is_page_of_another(const Vcpu &vcpu, MachineFrame page) {
    const Domain &domain = vcpu.domain;
    return std::any_of(domain.vcpus.begin(), domain.vcpus.begin() + domain.vcpu_count, [&](const Vcpu *other) {
        return other != &vcpu && other->page_hold && other->page_hold.frame() == page;
    });
}

Result<void> take_holdings(Vcpu &vcpu, const ringfold_vcpu_context &context) {
    DomainMemory &memory = vcpu.domain.memory;
    const MachineFrame page{context.vcpu_page};
    if (is_page_of_another(vcpu, page)) {
        return Error::busy;
    }
    TypeReference page_hold = TRY(hold_writable(memory, page));
    TypeReference root = TRY(take_root(memory, MachineFrame{context.root}));
    if (vcpu.extended_state == nullptr) {
        vcpu.extended_state = TRY(create_extended_state());
    }
    vcpu.page = pointer_to<ringfold_vcpu_page>(page);
    vcpu.domain.events.lock()->move_vcpu(vcpu.events, vcpu.page);
    vcpu.page_hold = std::move(page_hold);  // nobody writes to the old page any more
    vcpu.root = std::move(root);
    vcpu.root_must_flush = true;
    return {};
}

void set_registers(Vcpu &vcpu, const ringfold_vcpu_context &context) {
    vcpu.registers = EntryFrame{};
    vcpu.registers.rip = context.rip;
    vcpu.registers.rsp = context.rsp;
    vcpu.registers.rdi = context.argument;
    vcpu.registers.cs = guest_kernel_cs;
    vcpu.registers.ss = guest_kernel_ds;
    vcpu.registers.rflags = kernel_flags;
    vcpu.segments = SegmentState{};
    vcpu.segments.fs_base = context.fs_base;
    vcpu.segments.gs_base = context.gs_base;
    vcpu.debug = DebugRegisters{};
    vcpu.thread_descriptors = {};
    vcpu.cpu_number_descriptor = 0;
    vcpu.local_descriptors.clear();
    vcpu.call_buffer.clear();
    vcpu.has_pending_exception = false;
    vcpu.page->interrupt_flag = 0;
    vcpu.page->vcpu_id = vcpu.id.raw();
}

}  // namespace

Result<void> start_vcpu(Vcpu &vcpu, const ringfold_vcpu_entries &entries, const ringfold_vcpu_context &context) {
    TRY(check_context(context));
    TRY(scheduler::reserve(vcpu));
    if (const Result<void> taken = take_holdings(vcpu, context); !taken.ok()) {
        scheduler::cancel(vcpu);
        return taken.error();
    }
    vcpu.entries = entries;
    set_registers(vcpu, context);
    vcpu.domain.vcpus_online.fetch_add(1, std::memory_order_acq_rel);
    scheduler::start(vcpu);
    return {};
}

Result<void> start_domain(Vcpu &first, const ringfold_vcpu_entries &entries, const ringfold_vcpu_context &context) {
    if (!claim_start(first.domain)) {
        return Error::busy;
    }
    Result<void> started = start_vcpu(first, entries, context);
    if (!started.ok()) {
        give_up_start(first.domain);
    }
    return started;
}

void release_vcpu(Vcpu &vcpu) {
    vcpu.domain.events.lock()->release_vcpu(vcpu.events);
    for (TypeReference &event_page : vcpu.event_pages) {
        event_page = TypeReference{};
    }
    vcpu.root = TypeReference{};
    vcpu.page_hold = TypeReference{};
    vcpu.page = nullptr;
    vcpu.call_buffer.clear();
    vcpu.local_descriptors.clear();
    if (vcpu.extended_state != nullptr) {
        destroy_extended_state(std::exchange(vcpu.extended_state, nullptr));
    }
}

}  // namespace ringfold
