// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/sched/scheduler.hpp"

#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/event/virtual_irq.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/sched/ownership.hpp"
#include "hypervisor/sched/processors.hpp"
#include "hypervisor/sched/run_state.hpp"
#include "hypervisor/sched/timer_arming.hpp"

#include <algorithm>
#include <atomic>

namespace ringfold::scheduler {

namespace {

constinit Processors processors;

void set_pending(Vcpu &vcpu) {
    std::atomic_ref<uint8_t>(vcpu.page->upcall_pending).store(1, std::memory_order_seq_cst);
}

bool is_pending(const Vcpu &vcpu) {
    return std::atomic_ref<uint8_t>(vcpu.page->upcall_pending).load(std::memory_order_seq_cst) != 0;
}

bool is_online(const Vcpu &vcpu) {
    return vcpu.schedule.state != VcpuState::offline && vcpu.schedule.state != VcpuState::starting;
}

// Under the lock of its home, like block()'s look at the pending flag: either block() sees the flag, or this sees it
// blocked. True: it is runnable now, and the caller makes it ready when the lock is gone.
bool end_wait(Vcpu &vcpu, RunQueue &queue, uint64_t now) {
    vcpu.schedule.was_notified = true;
    if (vcpu.schedule.state != VcpuState::blocked) {
        return false;
    }
    queue.timers().set(vcpu.schedule.wait_timer, 0);
    set_state(vcpu, VcpuState::runnable, now);
    return true;
}

// Under the lock of this CPU: the vCPU that runs here blocks. Not if its domain is ending: interrupt_domain() may have
// passed by already, and nobody else wakes it.
void leave_blocked(Vcpu &vcpu, RunQueue &queue, uint64_t deadline) {
    const uint64_t now = nanoseconds_since_boot();
    if (deadline <= now || vcpu.domain.ending.load(std::memory_order_acquire)) {
        return;
    }
    queue.drop_running(now);
    set_state(vcpu, VcpuState::blocked, now);
    if (deadline != no_deadline) {
        queue.timers().set(vcpu.schedule.wait_timer, deadline);
    }
}

// What a vCPU does when its timer, or the end of its wait, has come.
bool expire(Timer &timer, RunQueue &queue, uint64_t now) {
    Vcpu &vcpu = *timer.owner.vcpu;
    ScheduleEntry &entry = vcpu.schedule;
    if (&timer == &entry.watchdog) {
        return false;
    }
    if (&timer == &entry.timer) {
        set_pending(vcpu);
        return end_wait(vcpu, queue, now);
    }
    if (entry.parked) {
        entry.parked = false;
        return true;
    }
    return end_wait(vcpu, queue, now);
}

enum class Attention : uint8_t { nobody, visit, ready };

}  // namespace

Result<void> reserve(Vcpu &vcpu) { return ownership::reserve(vcpu); }

void cancel(Vcpu &vcpu) {
    auto queue = Processors::lock_home(vcpu.schedule);
    ownership::release(vcpu.schedule);
    vcpu.schedule.state = VcpuState::offline;
}

void start(Vcpu &vcpu) {
    const uint64_t now = nanoseconds_since_boot();
    {
        auto queue = Processors::lock_home(vcpu.schedule);
        if (vcpu.schedule.state_since == 0) {
            vcpu.schedule.state_since = now;  // what was before its first start does not count
        }
        set_state(vcpu, VcpuState::runnable, now);
    }
    dispatch::make_ready(processors, vcpu.schedule, now);
}

VcpuState state_of(const Vcpu &vcpu) {
    auto queue = Processors::lock_home(vcpu.schedule);
    return vcpu.schedule.state;
}

CpuId home_of(const Vcpu &vcpu) { return vcpu.schedule.home.load(std::memory_order_relaxed); }

namespace {

// False if it is offline.
bool call_attention(Vcpu &vcpu, bool sets_pending) {
    const uint64_t now = nanoseconds_since_boot();
    auto attention = Attention::nobody;
    CpuId home;
    {
        auto queue = Processors::lock_home(vcpu.schedule);
        if (!is_online(vcpu)) {
            return false;
        }
        if (sets_pending) {
            set_pending(vcpu);
        }
        home = home_of(vcpu);
        if (end_wait(vcpu, *queue, now)) {
            attention = Attention::ready;
        } else if (vcpu.schedule.state == VcpuState::running) {
            attention = Attention::visit;
        }
    }
    if (attention == Attention::ready) {
        dispatch::make_ready(processors, vcpu.schedule, now);
    } else if (attention == Attention::visit) {
        kick(home);
    }
    return true;
}

}  // namespace

bool notify(Vcpu &vcpu) { return call_attention(vcpu, true); }

bool wake(Vcpu &vcpu) { return call_attention(vcpu, false); }

void interrupt_domain(Domain &domain) {
    const uint64_t now = nanoseconds_since_boot();
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        Vcpu &vcpu = *domain.vcpus[number];
        bool is_ready = false;
        CpuId home;
        {
            auto queue = Processors::lock_home(vcpu.schedule);
            home = home_of(vcpu);
            is_ready = end_wait(vcpu, *queue, now);
            if (vcpu.schedule.parked) {
                queue->withdraw(vcpu.schedule);
                is_ready = true;
            }
        }
        if (is_ready) {
            dispatch::make_ready(processors, vcpu.schedule, now);
        }
        kick(home);
    }
}

uint64_t run_time_of(const Domain &domain) {
    uint64_t sum = 0;
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        const ScheduleEntry &entry = domain.vcpus[number]->schedule;
        auto queue = Processors::lock_home(entry);
        sum += entry.run_time[RINGFOLD_VCPU_RUNNING];
        if (entry.state == VcpuState::running) {
            const uint64_t now = nanoseconds_since_boot();
            sum += now > entry.state_since ? now - entry.state_since : 0;
        }
    }
    return sum;
}

void hold_domain(Domain &domain) {
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        const ScheduleEntry &entry = domain.vcpus[number]->schedule;
        CpuId home;
        bool runs = false;
        {
            auto queue = Processors::lock_home(entry);
            home = entry.home.load(std::memory_order_relaxed);
            runs = entry.on_cpu.load(std::memory_order_relaxed);
        }
        if (runs) {
            kick(home);
        }
    }
}

bool has_stopped(const Vcpu &vcpu) {
    auto queue = Processors::lock_home(vcpu.schedule);
    // Acquire pairs with the release of the CPU that it left: what was saved is seen.
    return !vcpu.schedule.on_cpu.load(std::memory_order_acquire);
}

bool has_stopped(const Domain &domain) {
    return std::all_of(domain.vcpus.begin(), domain.vcpus.begin() + domain.vcpu_count,
                       [](const Vcpu *vcpu) { return has_stopped(*vcpu); });
}

void resume_domain(Domain &domain) {
    const uint64_t now = nanoseconds_since_boot();
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        ScheduleEntry &entry = domain.vcpus[number]->schedule;
        bool was_held = false;
        {
            auto queue = Processors::lock_home(entry);
            was_held = entry.parked;
            if (was_held) {
                queue->withdraw(entry);
            }
        }
        if (was_held) {
            dispatch::make_ready(processors, entry, now);
        }
    }
}

uint64_t set_watchdog(Domain &domain, uint64_t deadline) {
    ScheduleEntry &entry = domain.vcpus[0]->schedule;
    uint64_t before = 0;
    CpuId home;
    {
        auto queue = Processors::lock_home(entry);
        home = entry.home.load(std::memory_order_relaxed);
        before = entry.watchdog.deadline;
        queue->timers().set(entry.watchdog, deadline);
    }
    if (deadline != 0) {
        kick(home);  // which arms its timer when it looks
    }
    return before;
}

void yield() {
    GuestCpu &guest = this_cpu().guest;
    guest.yielding = true;
    guest.reschedule.store(true, std::memory_order_relaxed);
}

bool yield_to(Vcpu &target) {
    yield();
    return dispatch::prefer(processors, this_cpu().id, target.schedule, nanoseconds_since_boot());
}

void block(uint64_t deadline) {
    Vcpu &vcpu = *this_cpu().guest.current;
    auto queue = Processors::lock(this_cpu().id);
    if (!is_pending(vcpu)) {
        leave_blocked(vcpu, *queue, deadline);
    }
}

void begin_wait() {
    Vcpu &vcpu = *this_cpu().guest.current;
    auto queue = Processors::lock(this_cpu().id);
    vcpu.schedule.was_notified = false;
}

void wait_until(uint64_t deadline) {
    Vcpu &vcpu = *this_cpu().guest.current;
    auto queue = Processors::lock(this_cpu().id);
    if (!vcpu.schedule.was_notified) {
        leave_blocked(vcpu, *queue, deadline);
    }
}

void stop() {
    Vcpu &vcpu = *this_cpu().guest.current;
    const uint64_t now = nanoseconds_since_boot();
    auto queue = Processors::lock(this_cpu().id);
    queue->timers().set(vcpu.schedule.timer, 0);
    queue->drop_running(now);
    set_state(vcpu, VcpuState::stopping, now);
}

void set_timer(uint64_t deadline) {
    Vcpu &vcpu = *this_cpu().guest.current;
    auto queue = Processors::lock(this_cpu().id);
    queue->timers().set(vcpu.schedule.timer, deadline);
    arm_for(*queue);
}

void handle_timer() {
    const CpuId self = this_cpu().id;
    // The rest comes with the next interrupt, which comes at once: a thousand timers that fire together must not keep
    // this CPU from its guest and its requests.
    constexpr unsigned most_at_once = 16;
    for (unsigned handled = 0; handled < most_at_once; ++handled) {
        const uint64_t now = nanoseconds_since_boot();
        Timer *timer = nullptr;
        bool is_ready = false;
        DomainReference domain;  // of what else there is to do: on line under the lock, but perhaps not after it
        bool is_watchdog = false;
        {
            auto queue = Processors::lock(self);
            timer = queue->timers().take_expired(now);
            is_ready = timer != nullptr && expire(*timer, *queue, now);
            is_watchdog = timer != nullptr && timer == &timer->owner.watchdog;
            if (timer != nullptr && (timer == &timer->owner.timer || is_watchdog)) {
                domain = DomainReference::to(timer->owner.vcpu->domain);
            }
        }
        if (timer == nullptr) {
            break;
        }
        if (is_watchdog) {
            begin_shutdown(*domain, ShutdownReason::watchdog, 0);
        } else if (domain) {
            raise_virtual_irq(domain->events, timer->owner.vcpu->events, VirtualIrq::timer);
        }
        if (is_ready) {
            dispatch::make_ready(processors, timer->owner, now);
        }
    }
    auto queue = Processors::lock(self);
    if (queue->running() == nullptr || queue->slice_is_over(nanoseconds_since_boot())) {
        this_cpu().guest.reschedule.store(true, std::memory_order_relaxed);
    }
    arm_for(*queue);
}

}  // namespace ringfold::scheduler
