// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/sched/scheduler.hpp"

#include "hypervisor/cpu/idle.hpp"
#include "hypervisor/cpu/kick.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/domain/vcpu_switch.hpp"
#include "hypervisor/platform/time.hpp"

#include <algorithm>
#include <atomic>

namespace ringfold::scheduler {

namespace {

using LockedQueue = Locked<RunQueue, LockRank::run_queue>;

LockedQueue &queue_of(const Vcpu &vcpu) { return cpu(vcpu.home).run_queue; }

// Under the queue's lock. Accounts the time in the state that ends.
void change_state(Vcpu &vcpu, VcpuState state, uint64_t now) {
    ScheduleEntry &entry = vcpu.schedule;
    if (vcpu.page != nullptr) {
        vcpu.page->run_time[abi_state(entry.state)] += now - entry.state_since;
        vcpu.page->state = abi_state(state);
    }
    entry.state = state;
    entry.state_since = now;
}

void make_runnable(Vcpu &vcpu, RunQueue &queue) {
    change_state(vcpu, VcpuState::runnable, nanoseconds_since_boot());
    queue.append(vcpu);
}

void set_pending(Vcpu &vcpu) {
    std::atomic_ref<uint8_t>(vcpu.page->upcall_pending).store(1, std::memory_order_seq_cst);
}

bool is_pending(const Vcpu &vcpu) {
    return std::atomic_ref<uint8_t>(vcpu.page->upcall_pending).load(std::memory_order_seq_cst) != 0;
}

// Under the lock, like block()'s look at the pending flag: either block() sees the flag, or this sees it blocked.
void wake(Vcpu &vcpu, RunQueue &queue) {
    if (vcpu.schedule.state == VcpuState::blocked) {
        make_runnable(vcpu, queue);
    }
}

// The next timer interrupt: the earliest vCPU timer, and the end of the slice if somebody waits for the CPU.
void arm_for(const RunQueue &queue, const Vcpu *running) {
    uint64_t deadline = queue.next_deadline();
    if (running != nullptr && !queue.empty()) {
        deadline = deadline == 0 ? running->schedule.slice_end : std::min(deadline, running->schedule.slice_end);
    }
    if (deadline == 0) {
        disarm_timer();
    } else {
        arm_timer(deadline);
    }
}

// Under the lock: what becomes of the vCPU that ran until now.
void put_back(Vcpu &vcpu, RunQueue &queue, uint64_t now) {
    if (vcpu.schedule.state == VcpuState::running) {
        change_state(vcpu, VcpuState::runnable, now);
        queue.append(vcpu);
    }
}

// Under the lock: may the vCPU that runs go on? Until its slice ends or it yields, and longer if nobody waits.
bool keeps_cpu(Vcpu &vcpu, const RunQueue &queue, uint64_t now) {
    if (vcpu.schedule.state != VcpuState::running || vcpu.domain.ending.load(std::memory_order_acquire)) {
        return false;
    }
    if (queue.empty()) {
        vcpu.schedule.slice_end = now + time_slice;
        return true;
    }
    return !this_cpu().guest.yielding && now < vcpu.schedule.slice_end;
}

// Takes vCPUs of ending domains off line, and gives the first other one.
Vcpu *take_next(RunQueue &queue, uint64_t now, Vcpu *&ended) {
    for (Vcpu *next = queue.take_first(); next != nullptr; next = queue.take_first()) {
        if (!next->domain.ending.load(std::memory_order_acquire)) {
            return next;
        }
        queue.set_timer(*next, 0);
        change_state(*next, VcpuState::offline, now);
        next->schedule.next = ended;
        ended = next;
    }
    return nullptr;
}

// Outside the lock: each vCPU of the list is offline for good.
void finish_ended(Vcpu *ended) {
    while (ended != nullptr) {
        Vcpu *const vcpu = ended;
        ended = vcpu->schedule.next;
        vcpu->schedule.next = nullptr;
        Domain &domain = vcpu->domain;
        if (domain.vcpus_online.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            finish_shutdown(domain);
        }
    }
}

}  // namespace

Result<void> reserve(Vcpu &vcpu) {
    auto queue = queue_of(vcpu).lock();
    if (vcpu.schedule.state != VcpuState::offline) {
        return Error::already_exists;
    }
    vcpu.schedule.state = VcpuState::starting;
    return {};
}

void cancel(Vcpu &vcpu) {
    auto queue = queue_of(vcpu).lock();
    vcpu.schedule.state = VcpuState::offline;
}

void start(Vcpu &vcpu) {
    {
        auto queue = queue_of(vcpu).lock();
        vcpu.schedule.state_since = nanoseconds_since_boot();
        make_runnable(vcpu, *queue);
    }
    kick(vcpu.home);
}

VcpuState state_of(const Vcpu &vcpu) {
    auto queue = queue_of(vcpu).lock();
    return vcpu.schedule.state;
}

bool notify(Vcpu &vcpu) {
    {
        auto queue = queue_of(vcpu).lock();
        if (vcpu.schedule.state == VcpuState::offline || vcpu.schedule.state == VcpuState::starting) {
            return false;
        }
        set_pending(vcpu);
        wake(vcpu, *queue);
    }
    kick(vcpu.home);
    return true;
}

void interrupt_domain(const Domain &domain) {
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        Vcpu &vcpu = *domain.vcpus[number];
        {
            auto queue = queue_of(vcpu).lock();
            wake(vcpu, *queue);
        }
        kick(vcpu.home);
    }
}

void yield() {
    GuestCpu &guest = this_cpu().guest;
    guest.yielding = true;
    guest.reschedule.store(true, std::memory_order_relaxed);
}

void block() {
    Vcpu &vcpu = *this_cpu().guest.current;
    auto queue = queue_of(vcpu).lock();
    if (!is_pending(vcpu)) {
        change_state(vcpu, VcpuState::blocked, nanoseconds_since_boot());
    }
}

void stop() {
    Vcpu &vcpu = *this_cpu().guest.current;
    auto queue = queue_of(vcpu).lock();
    queue->set_timer(vcpu, 0);
    change_state(vcpu, VcpuState::stopping, nanoseconds_since_boot());
}

void set_timer(uint64_t deadline) {
    Vcpu &vcpu = *this_cpu().guest.current;
    auto queue = queue_of(vcpu).lock();
    queue->set_timer(vcpu, deadline);
    arm_for(*queue, &vcpu);
}

void handle_timer() {
    const uint64_t now = nanoseconds_since_boot();
    auto queue = this_cpu().run_queue.lock();
    while (Vcpu *const vcpu = queue->take_expired(now)) {
        set_pending(*vcpu);
        wake(*vcpu, *queue);
    }
    const Vcpu *const running = this_cpu().guest.current;
    if (running == nullptr || now >= running->schedule.slice_end) {
        this_cpu().guest.reschedule.store(true, std::memory_order_relaxed);
    }
    arm_for(*queue, running);
}

void choose(EntryFrame &frame) {
    GuestCpu &guest = this_cpu().guest;
    for (;;) {
        Vcpu *const previous = guest.current;
        const bool asked = guest.reschedule.exchange(false, std::memory_order_seq_cst);
        if (!asked && previous != nullptr && previous->schedule.state == VcpuState::running) {
            return;
        }
        Vcpu *next = nullptr;
        Vcpu *ended = nullptr;
        {
            const uint64_t now = nanoseconds_since_boot();
            auto queue = this_cpu().run_queue.lock();
            if (previous != nullptr && keeps_cpu(*previous, *queue, now)) {
                next = previous;
            } else {
                if (previous != nullptr) {
                    put_back(*previous, *queue, now);
                }
                next = take_next(*queue, now, ended);
            }
            if (next != nullptr && next->schedule.state != VcpuState::running) {
                next->schedule.slice_end = now + time_slice;
                change_state(*next, VcpuState::running, now);
            }
            arm_for(*queue, next);
        }
        guest.yielding = false;
        if (next != previous) {
            switch_vcpu(previous, next, frame);
        }
        if (previous != nullptr && previous->schedule.state == VcpuState::stopping) {
            auto queue = this_cpu().run_queue.lock();
            change_state(*previous, VcpuState::offline, nanoseconds_since_boot());
            previous->schedule.next = ended;
            ended = previous;
        }
        finish_ended(ended);
        if (next != nullptr) {
            return;
        }
        wait_for_interrupt();
    }
}

}  // namespace ringfold::scheduler
