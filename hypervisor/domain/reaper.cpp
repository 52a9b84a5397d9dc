// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/reaper.hpp"

#include "hypervisor/cpu/kick.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/domain/held_turns.hpp"
#include "hypervisor/domain/vcpu_start.hpp"
#include "hypervisor/event/close.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/teardown.hpp"
#include "hypervisor/trace/session.hpp"

#include <utility>

namespace ringfold {

namespace {

// A queue, linked by next_orphan, that refers to each. Of two that hold frames of each other neither must keep the
// other from its turn.
struct Orphans {
    Domain *first = nullptr;
    Domain *last = nullptr;
    unsigned count = 0;
    HeldTurns turns;
};
constinit Locked<Orphans, LockRank::orphans> orphans;

struct Turn {
    DomainReference domain;  // empty: nobody waits
    HeldTurns::Moment begun;
};

Turn take_turn() {
    auto list = orphans.lock();
    Domain *const first = list->first;
    if (first != nullptr) {
        list->first = first->next_orphan;
        list->last = list->first == nullptr ? nullptr : list->last;
        first->next_orphan = nullptr;
        --list->count;
    }
    return {.domain = DomainReference::adopt(first), .begun = list->turns.begin()};
}

void append(Orphans &list, DomainReference orphan) {
    Domain *const added = orphan.release();
    (list.last == nullptr ? list.first : list.last->next_orphan) = added;
    list.last = added;
    ++list.count;
}

void put_orphan(DomainReference orphan) {
    auto list = orphans.lock();
    list->turns.freed_something();
    append(*list, std::move(orphan));
}

// One that waits for holders. False: so do all others, and nothing was freed since their turns.
bool put_back_held(Turn turn) {
    auto list = orphans.lock();
    if (!turn.domain->was_held) {  // its page tables and what it had borrowed went in this turn
        turn.domain->was_held = true;
        list->turns.freed_something();
    }
    append(*list, std::move(turn.domain));
    return list->turns.try_another(turn.begun, list->count);
}

void free_frame(MachineFrame frame) { free_frames(frame, Order{0}); }

Result<void> take_apart(Domain &domain) {
    if (!domain.vcpus_released) {
        (void)trace::stop(domain);  // not_found: it does not trace
        TRY(close_all_ports(domain.events));
        {
            // Somebody may have found it paused a moment ago, and be at its registers.
            auto pauses = domain.pauses.lock();
            for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
                release_vcpu(*domain.vcpus[number]);
            }
        }
        domain.memory.close();  // whoever still refers to it gives it no more
        close_claim(domain.memory.claim());
        domain.grants.close_table();
        domain.vcpus_released = true;
    }
    // busy: others hold frames of it, maybe because it holds theirs. Its own page tables are gone then, too.
    const Result<void> torn_down = tear_down(domain.memory, free_frame);
    if (!torn_down.ok() && torn_down.error() != Error::busy) {
        return torn_down.error();
    }
    TRY(domain.grants.end_borrowings());
    return torn_down;
}

}  // namespace

Result<void> reap(Domain &domain) {
    // Acquire and release: one reaper sees what the one before it did.
    if (domain.reaping.exchange(true, std::memory_order_acquire)) {
        return Error::again;
    }
    if (domain.is_gone) {
        domain.reaping.store(false, std::memory_order_release);
        return {};
    }
    const Result<void> result = take_apart(domain);
    domain.is_gone = result.ok();
    domain.reaping.store(false, std::memory_order_release);
    if (result.ok()) {
        domain_list::remove(domain);
        note_domain_gone();
    }
    return result;
}

void destroy_unborn_domain(Domain &domain) {
    if (claim_unborn(domain)) {
        while (!reap(domain).ok()) {
        }
    }
}

void leave_to_idle_cpus(Domain &domain) {
    DomainReference orphan = DomainReference::to(domain);
    // Empty: it is gone, but for its place in the list.
    if (!orphan || domain.is_orphan.exchange(true, std::memory_order_relaxed)) {
        return;
    }
    put_orphan(std::move(orphan));
    bool woken = false;
    for_each_cpu([&woken](PerCpu &cpu) {
        if (!woken && cpu.guest.idle.load(std::memory_order_seq_cst)) {
            kick(cpu.id);
            woken = true;
        }
    });
}

bool reap_some() {
    Turn turn = take_turn();
    if (!turn.domain) {
        return false;
    }
    this_cpu().guest.visit_deadline = 0;
    const Result<void> reaped = reap(*turn.domain);
    if (!reaped.ok() && reaped.error() == Error::busy) {
        return put_back_held(std::move(turn));  // what is held will be tried again when this CPU has slept
    }
    if (reaped.ok()) {
        orphans.lock()->turns.freed_something();
    } else {
        put_orphan(std::move(turn.domain));
    }
    return true;
}

}  // namespace ringfold
