// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/trace/session.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/rendezvous.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/mm/heap.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/trace/branch.hpp"
#include "hypervisor/trace/rings.hpp"

#include <array>
#include <atomic>
#include <utility>

namespace ringfold::trace {

namespace {

struct HeldRing {
    Ring ring;
    std::array<TypeReference, RINGFOLD_TRACE_FRAMES_MAX> frames;
};
using HeldRings = std::array<Owned<HeldRing>, max_cpus>;

enum class State : uint8_t { idle, changing, running };

// Who brings it from `idle` or `running` to `changing` has the session to himself. Acquire and release: he sees what
// the last one did.
constinit std::atomic<State> state = State::idle;
constinit std::atomic<const Domain *> owner = nullptr;  // while it runs

// `rings` is owned; as an Owned<> it would have a destructor, which global data must not have.
struct Session {
    HeldRings *rings = nullptr;
    uint32_t classes = 0;
    uint32_t frames_per_ring = 0;
};
constinit Locked<Session, LockRank::trace> session;

bool claim(State from) { return state.compare_exchange_strong(from, State::changing, std::memory_order_acq_rel); }

Result<void> fill(HeldRings &held, Domain &domain, uint32_t frames_per_ring, const FrameSource &source) {
    for (uint32_t cpu = 0; cpu < ring_count(); ++cpu) {
        held[cpu] = TRY(create_owned<HeldRing>());
        for (uint32_t page = 0; page < frames_per_ring; ++page) {
            const MachineFrame frame = TRY(source.read(source.context, cpu * frames_per_ring + page));
            held[cpu]->frames[page] = TRY(hold_writable(domain.memory, frame));
            held[cpu]->ring.add(pointer_to<Ring::Page>(frame));
        }
        held[cpu]->ring.begin(cpu);
    }
    return {};
}

Result<Owned<HeldRings>> hold_rings(Domain &domain, uint32_t frames_per_ring, const FrameSource &source) {
    Owned<HeldRings> held = TRY(create_owned<HeldRings>());
    TRY(fill(*held, domain, frames_per_ring, source));
    return held;
}

void publish(const HeldRings &held) {
    for (uint32_t cpu = 0; cpu < max_cpus; ++cpu) {
        rings[cpu].store(held[cpu] ? &held[cpu]->ring : nullptr, std::memory_order_release);
    }
}

}  // namespace

uint32_t ring_count() { return created_cpus().size(); }

Result<void> start(Domain &domain, uint32_t classes, uint32_t frames_per_ring, const FrameSource &source) {
    if (!claim(State::idle)) {
        return Error::busy;
    }
    Result<Owned<HeldRings>> held = hold_rings(domain, frames_per_ring, source);
    if (!held.ok()) {
        state.store(State::idle, std::memory_order_release);
        return held.error();
    }
    publish(*held.value());
    *session.lock() = {.rings = held.value().release(), .classes = classes, .frames_per_ring = frames_per_ring};
    owner.store(&domain, std::memory_order_relaxed);
    {
        const StoppedMachine nobody_runs;
        set_branches(classes);
    }
    state.store(State::running, std::memory_order_release);
    return {};
}

Result<void> stop(const Domain &domain) {
    // Only the owner compares equal, and one that ends the trace at the same time is found by the claim.
    if (owner.load(std::memory_order_relaxed) != &domain || !claim(State::running)) {
        return Error::not_found;
    }
    {
        const StoppedMachine nobody_writes;
        set_branches(0);
        publish({});
    }
    const Owned<HeldRings> held{std::exchange(*session.lock(), Session{}).rings};
    owner.store(nullptr, std::memory_order_relaxed);
    state.store(State::idle, std::memory_order_release);
    return {};
}

ringfold_trace_status status() {
    ringfold_trace_status shown{};
    shown.cpus = ring_count();
    auto current = session.lock();
    if (current->rings == nullptr) {
        return shown;
    }
    const Domain *const tracer = owner.load(std::memory_order_relaxed);
    shown.domain = tracer != nullptr ? tracer->id.raw() : 0;
    shown.classes = current->classes;
    shown.frames = current->frames_per_ring;
    for (const Owned<HeldRing> &each : *current->rings) {
        if (each) {
            shown.written += each->ring.written();
            shown.overwritten += each->ring.overwritten();
        }
    }
    return shown;
}

bool take_growth() {
    return has_grown.load(std::memory_order_relaxed) && has_grown.exchange(false, std::memory_order_relaxed);
}

void for_each_frame(void *context, void (*visit)(void *context, MachineFrame frame)) {
    auto current = session.lock();
    if (current->rings == nullptr) {
        return;
    }
    for (const Owned<HeldRing> &each : *current->rings) {
        for (uint32_t page = 0; each && page < current->frames_per_ring; ++page) {
            visit(context, each->frames[page].frame());
        }
    }
}

}  // namespace ringfold::trace
