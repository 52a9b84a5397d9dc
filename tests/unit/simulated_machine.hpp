// SPDX-License-Identifier: Apache-2.0
//
// What the memory-typing logic sees of the machine, for unit tests: preemption on demand, and processors with tagged
// TLBs and paging-structure caches that walk the real page tables whenever a test lets them. Their caches forget
// nothing that they need not forget. check_caches() says whether anything that is cached now breaks the rules.
#pragma once

#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/domain_memory.hpp"
#include "hypervisor/mm/entry.hpp"

#include <array>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace ringfold::test {

using Random = std::mt19937_64;

class SimulatedCpu {
  public:
    explicit SimulatedCpu(CpuId id) : id_(id) {}

    void load_root(DomainMemory &domain, MachineFrame l4);
    void leave_root();                   // into the hypervisor for good; its caches stay
    void root_changed(MachineFrame l4);  // copies again if it runs on it
    void flush();
    // In the hypervisor proper it does not walk, and a flush waits until it leaves.
    void enter_hypervisor();
    void leave_hypervisor();
    void ask_flush();

    // Caches one random walk, from its root or from a cached table.
    void walk(Random &random);
    // Empty if all is well, else what is wrong. May `user` have a translation to another domain's frame?
    using MayBorrow = std::function<bool(DomainId user, MachineFrame frame, bool writable)>;
    [[nodiscard]] std::string check(const MayBorrow &may_borrow) const;

  private:
    struct CachedLeaf {
        uint64_t frame;
        uint64_t count;
        bool writable;
        DomainId owner;
        auto operator<=>(const CachedLeaf &) const = default;
    };
    struct CachedTable {
        uint64_t frame;
        Level level;
        DomainId owner;
        auto operator<=>(const CachedTable &) const = default;
    };

    void follow(Entry entry, Level level, Random &random);

    CpuId id_;
    DomainMemory *domain_ = nullptr;
    MachineFrame root_{};
    std::array<uint64_t, table_entries> private_root_{};
    std::set<CachedLeaf> leaves_;
    std::set<CachedTable> tables_;
    bool in_hypervisor_ = false;
    bool flush_asked_ = false;
};

// The one machine that the seam leads to while it lives.
class SimulatedMachine {
  public:
    explicit SimulatedMachine(unsigned cpus);
    SimulatedMachine(const SimulatedMachine &) = delete;
    SimulatedMachine &operator=(const SimulatedMachine &) = delete;
    ~SimulatedMachine();

    [[nodiscard]] SimulatedCpu &cpu(unsigned number) { return cpus_[number]; }
    [[nodiscard]] std::vector<SimulatedCpu> &cpus() { return cpus_; }
    [[nodiscard]] std::string check_caches() const;

    std::function<bool()> preemption_due = [] { return false; };
    SimulatedCpu::MayBorrow may_borrow = [](DomainId, MachineFrame, bool) { return false; };
    uint64_t flushes = 0;

    void flush(CpuSet targets);
    void root_changed(MachineFrame l4);

  private:
    std::vector<SimulatedCpu> cpus_;
    std::recursive_mutex mutex_;
};

}  // namespace ringfold::test
