// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/console/debug_reports.hpp"

#include "hypervisor/console/focus.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/heap.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <array>
#include <string_view>

namespace ringfold {

namespace {

constexpr uint64_t nanoseconds_per_millisecond = 1'000'000;

std::string_view name_of(DomainState state) {
    switch (state) {
        case DomainState::building:
            return "building";
        case DomainState::running:
            return "running";
        case DomainState::ending:
            return "ending";
        case DomainState::ended:
            return "ended";
        case DomainState::dying:
            return "dying";
    }
    return "?";
}

std::string_view name_of(VcpuState state) {
    switch (state) {
        case VcpuState::offline:
            return "offline";
        case VcpuState::starting:
            return "starting";
        case VcpuState::runnable:
            return "runnable";
        case VcpuState::running:
            return "running";
        case VcpuState::blocked:
            return "blocked";
        case VcpuState::stopping:
            return "stopping";
    }
    return "?";
}

void log_vcpu(const Vcpu &vcpu) {
    const VcpuState state = scheduler::state_of(vcpu);
    const auto &times = vcpu.schedule.run_time;  // read without the lock: near enough
    log_info("  v{}: {} on cpu {}, ran {} ms, waited {} ms", vcpu.id, name_of(state), scheduler::home_of(vcpu),
             times[RINGFOLD_VCPU_RUNNING] / nanoseconds_per_millisecond,
             times[RINGFOLD_VCPU_RUNNABLE] / nanoseconds_per_millisecond);
}

// Who runs on a CPU, by number, from under its queue's lock.
struct Running {
    bool somebody = false;
    DomainId domain;
    VcpuId vcpu;
    uint64_t armed = 0;
};

Running running_on(PerCpu &cpu) {
    auto queue = cpu.run_queue.lock();
    const ScheduleEntry *const entry = queue->running();
    if (entry == nullptr) {
        return {.armed = queue->armed()};
    }
    return {.somebody = true, .domain = entry->vcpu->domain.id, .vcpu = entry->vcpu->id, .armed = queue->armed()};
}

}  // namespace

void log_memory() {
    const FrameCounters frames = frame_counters();
    const HeapCounters heap = heap_counters();
    log_info("  frames: {} managed, {} free, {} of them to be cleared, {} claimed, {} requests refused", frames.managed,
             frames.free, frames.dirty, claimed_frame_count(), frames.out_of_memory);
    log_info("  heap: {} objects in {} slabs", heap.objects, heap.slabs);
    domain_list::for_each_unlocked([](const Domain &domain) {
        log_info("  d{} {}: {} frames of at most {}", domain.id, domain.name_text(), domain.memory.owned(),
                 domain.memory.maximum());
    });
}

void log_domains() {
    domain_list::for_each_unlocked([](Domain &domain) {
        const ringfold_event_limits ports = domain.events.lock()->limits();
        log_info("  d{} {}: {}, rights {:#x}, {} references, {} ports of at most {}{}", domain.id, domain.name_text(),
                 name_of(domain.state.load(std::memory_order_relaxed)), domain.rights.raw(),
                 domain.references.load(std::memory_order_relaxed), ports.ports_bound, ports.port_limit,
                 domain.id == focus::current() ? ", console focus" : "");
        for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
            log_vcpu(*domain.vcpus[number]);
        }
    });
}

void log_run_queues() {
    for_each_cpu([](PerCpu &cpu) {
        const Running now = running_on(cpu);
        const uint32_t waiting = cpu.load.waiting.load(std::memory_order_relaxed);
        if (now.somebody) {
            log_info("  cpu {}: runs d{} v{}, {} wait", cpu.id, now.domain, now.vcpu, waiting);
        } else {
            log_info("  cpu {}: idle, {} wait", cpu.id, waiting);
        }
    });
}

void log_time() {
    log_info("  {} ns since boot, TSC at {} kHz", nanoseconds_since_boot(), tsc_kilohertz());
    for_each_cpu([](PerCpu &cpu) {
        const uint64_t armed = running_on(cpu).armed;
        if (armed == UINT64_MAX) {
            log_info("  cpu {}: no timer armed", cpu.id);
        } else {
            log_info("  cpu {}: timer at {} ns", cpu.id, armed);
        }
    });
}

}  // namespace ringfold
