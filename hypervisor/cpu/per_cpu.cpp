// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/per_cpu.hpp"

#include "hypervisor/mm/machine_memory.hpp"

#include <array>
#include <atomic>
#include <new>

namespace ringfold {

namespace {

// Written before the CPU's bit is set in `created` (release), read after it was seen (acquire).
constinit std::array<PerCpu *, max_cpus> cpus{};
constinit std::atomic<uint64_t> created = 0;

// Written while one CPU runs.
constinit bool boot_cpu_has_space = false;
constinit HeldLocks locks_before_space;

}  // namespace

PerCpu &cpu(CpuId id) { return *cpus[id.raw()]; }

CpuSet created_cpus() { return CpuSet{created.load(std::memory_order_acquire)}; }

Result<void> create_per_cpu(CpuId id, const CpuSpace &space) {
    if (id.raw() >= max_cpus) {
        return Error::out_of_range;
    }
    CpuSet known = created_cpus();
    if (known.contains(id)) {
        return Error::already_exists;
    }
    auto *const data = new (pointer_to(space.data)) PerCpu;
    data->id = id;
    data->features = detect_features();  // of the CPU that makes it: they are all alike, or the machine is broken
    data->space = space;
    cpus[id.raw()] = data;
    known.add(id);
    created.store(known.raw(), std::memory_order_release);
    return {};
}

bool per_cpu_ready() { return boot_cpu_has_space; }
void set_per_cpu_ready() { boot_cpu_has_space = true; }

CpuId current_cpu() { return per_cpu_ready() ? this_cpu().id : CpuId{}; }

HeldLocks &held_locks() { return per_cpu_ready() ? this_cpu().held_locks : locks_before_space; }

}  // namespace ringfold
