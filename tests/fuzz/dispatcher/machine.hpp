// SPDX-License-Identifier: Apache-2.0
//
// The machine that the fuzzed hypervisor runs on: four CPUs of which one is at work at a time, 16 MiB of memory, timers
// and interrupt lines. It lives as long as the program; begin() makes it as good as new.
//
// A CPU in a guest that another one interrupts enters the hypervisor at once, and leaves it when it is its turn. So
// nobody waits for anybody, and all happens on one thread.
#pragma once

#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/units.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace ringfold::fuzzed {

inline constexpr uint16_t cpu_count = 4;
inline constexpr uint64_t extent_count = 8;
inline constexpr MachineFrame ram_end{extent_count * frames_per_extent};
inline constexpr uint32_t interrupt_lines = 24;

// What must hold, or the fuzzer has found something. The hypervisor's log goes with it.
[[noreturn]] void found(const char *what);
inline void require(bool holds, const char *what) {
    if (!holds) {
        found(what);
    }
}

// Thrown where a CPU would sleep until an interrupt comes.
struct Idle {};

class Machine {
  public:
    static Machine &the();
    Machine(const Machine &) = delete;
    Machine &operator=(const Machine &) = delete;

    // As good as new, at the beginning of time. There is no domain.
    void begin();

    // The CPU is at work from now on: this_cpu() is this one.
    void select(CpuId cpu);
    // The registers of the guest that it runs.
    [[nodiscard]] EntryFrame &registers();

    // The selected CPU goes on to a guest, if there is one for it: its vCPU, null if it sleeps.
    Vcpu *run_guest();
    // Its guest enters the hypervisor; leave() is the end of the visit.
    void enter();
    void leave();

    // Time goes on, and what timers are due come.
    void pass(uint64_t nanoseconds);

    void interrupt(CpuId cpu);  // by another one
    void arm(uint64_t deadline);

  private:
    Machine();
    void create_cpus();
};

}  // namespace ringfold::fuzzed
