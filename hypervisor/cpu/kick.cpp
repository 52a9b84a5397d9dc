// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/kick.hpp"

#include "hypervisor/cpu/count.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/platform/ipi.hpp"
#include "hypervisor/platform/vectors.hpp"

#include <array>
#include <atomic>

namespace ringfold {

namespace {

bool in_guest(uint64_t epoch) { return (epoch & 1) != 0; }

void interrupt(CpuId target) {
    count_one(&Counts::ipis_sent);
    send_ipi(target, vector_ipi_event);
}

}  // namespace

void kick(CpuId target) {
    GuestCpu &guest = cpu(target).guest;
    // Pairs with the exchange in scheduler::choose() and the loads before a guest is entered or the CPU halts.
    guest.reschedule.store(true, std::memory_order_seq_cst);
    if (target != this_cpu().id &&
        (in_guest(guest.epoch.load(std::memory_order_seq_cst)) || guest.idle.load(std::memory_order_seq_cst))) {
        interrupt(target);
    }
}

void interrupt_and_wait(CpuSet targets) {
    std::array<uint64_t, cpu_set_capacity> seen{};
    targets.for_each([&seen](CpuId target) {
        const uint64_t epoch = cpu(target).guest.epoch.load(std::memory_order_seq_cst);
        seen[target.raw()] = epoch;
        if (in_guest(epoch)) {
            interrupt(target);
        }
    });
    targets.for_each([&seen](CpuId target) {
        const uint64_t epoch = seen[target.raw()];
        while (in_guest(epoch) && cpu(target).guest.epoch.load(std::memory_order_acquire) == epoch) {
            __builtin_ia32_pause();
        }
    });
}

}  // namespace ringfold
