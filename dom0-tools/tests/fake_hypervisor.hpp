// SPDX-License-Identifier: Apache-2.0
//
// A model in memory of the hypercalls that the tools use: domains with frames, consoles and a state. It answers as
// docs/abi.md says, for a caller with every right, and can be told to fail.
#pragma once

#include "dom0-tools/library/hypercall_port.hpp"
#include "hypervisor/trace/ring.hpp"

#include <ringfold/debug.h>
#include <ringfold/domain.h>
#include <ringfold/schedule.h>
#include <ringfold/vcpu.h>

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ringfold::tools {

using FakePage = std::array<std::byte, page_size>;

struct FakeDomain {
    ringfold_domain_info info{};
    std::map<uint64_t, FakePage> frames;           // by machine frame
    std::map<uint64_t, uint64_t> physical_frames;  // machine frame -> pseudo-physical frame
    std::map<uint64_t, unsigned> tables;           // machine frame -> level; from its start on
    ringfold_vcpu_context context{};
    uint64_t hypercall_return = 0;
    uint64_t claimed = 0;  // free frames that are set aside for it
    std::string console;   // all that it ever wrote
    std::string input;
    ringfold_domain_schedule schedule{RINGFOLD_WEIGHT_NORMAL, RINGFOLD_CAP_NONE, 0, 0};
    std::map<uint32_t, ringfold_vcpu_schedule> vcpus;
    std::map<uint32_t, ringfold_vcpu_registers> registers;  // of vCPUs that run, once they were looked at or set
    uint32_t debug = RINGFOLD_DEBUG_DELIVERS;
    bool held = false;  // another domain holds a frame of it
};

// The trace that there is: one ring for each of two CPUs.
struct FakeTrace {
    uint16_t domain = 0;  // that traces; 0: none
    uint32_t classes = 0;
    uint32_t frames = 0;
    std::array<std::vector<trace::Ring::Page>, 2> pages;
    std::array<std::optional<trace::Ring>, 2> rings;
};

class FakeHypervisor final : public HypercallPort {
  public:
    explicit FakeHypervisor(uint64_t free_frames = uint64_t{1} << 15);

    Outcome<HypercallAnswer> request(const HypercallRequest &request) override;
    Outcome<void> copy(DomainId domain, CopyDirection direction, std::span<const uint64_t> frames,
                       std::span<std::byte> data) override;
    Outcome<void> bind_virtual_irq(uint32_t irq) override;
    Outcome<std::vector<uint32_t>> raised() override;
    [[nodiscard]] int descriptor() const override { return -1; }
    Outcome<ControlPlace> open_devices(DomainId domain) override;
    Outcome<void> add_disk(DomainId domain, const DiskConfig &disk) override;
    Outcome<void> remove_disk(DomainId domain, uint32_t number, bool force) override;
    Outcome<void> reset_disk(DomainId domain, uint32_t number) override;
    Outcome<uint64_t> resize_disk(DomainId domain, uint32_t number) override;
    Outcome<std::vector<DiskState>> disks(DomainId domain) override;
    Outcome<void> add_network(DomainId domain, const NetworkConfig &network) override;
    Outcome<void> remove_network(DomainId domain, uint32_t number, bool force) override;
    Outcome<void> reset_network(DomainId domain, uint32_t number) override;
    Outcome<std::vector<NetworkState>> networks(DomainId domain) override;
    Outcome<void> give_order(DomainId domain, uint32_t order, uint32_t argument) override;
    Outcome<ControlMemory> control_memory() override;
    Outcome<void> set_control_memory(FrameCount target) override;
    Outcome<void> close_devices(DomainId domain) override;
    Outcome<std::unique_ptr<TraceRings>> start_trace(uint32_t classes, uint32_t pages) override;

    // What guests do.
    void write_console(uint16_t domain, std::string_view text);
    void end(uint16_t domain, uint32_t reason, uint32_t code = 0);
    void write_log(std::string_view text);
    // What the hypervisor writes of its class, if that is traced.
    void trace(uint32_t cpu, const ringfold_trace_record &record);
    // All that `first_vcpu` of the domain finds at a linear address.
    [[nodiscard]] std::string read_linear(uint16_t domain, uint64_t address, std::size_t size);
    // The entry that maps a linear address; 0: none does.
    [[nodiscard]] uint64_t entry_of(uint16_t domain, uint64_t address);

    std::map<uint16_t, FakeDomain> domains;  // d1 is the control domain that calls
    std::set<uint64_t> free_machine_frames;
    std::map<uint16_t, std::vector<DiskConfig>> added_disks;  // of domains that have a control page
    std::map<uint16_t, std::vector<NetworkConfig>> added_networks;
    std::vector<std::string> resets;              // "disk 1", "network 0"
    std::vector<std::array<uint32_t, 3>> orders;  // domain, order, argument
    ControlMemory own_memory;                     // of the control domain, as its kernel says
    bool guests_let_go = true;                    // of devices, when they are asked
    bool serves_devices = true;
    std::string log;
    std::set<uint32_t> bound;
    std::string pressed_keys;
    std::array<ringfold_pool_info, RINGFOLD_POOL_COUNT> pools{{{.cpus = 3, .mode = 0, .domains = 1}}};
    uint32_t preempt_every = 0;                    // every nth call that may be preempted is
    std::function<int64_t(uint32_t number)> fail;  // a status other than 0 is answered instead
    std::function<bool(uint64_t nth)> fail_copy;
    uint64_t copies = 0;
    FakeTrace traced;
    bool has_trace_memory = true;  // the kernel has /dev/ringfold-trace

    static constexpr std::size_t console_capacity = 8192;

  private:
    using Arguments = std::array<uint64_t, 6>;
    using Data = std::span<std::byte>;

    HypercallAnswer answer(uint32_t number, const Arguments &arguments, Data data);
    HypercallAnswer create(Data data);
    HypercallAnswer list(uint64_t cursor, uint64_t count, Data data);
    HypercallAnswer move_cpu(uint64_t bit, ringfold_pool_info &to);
    template <typename Device>
    Outcome<void> remove(std::vector<Device> &all, uint32_t number, bool force) const;
    template <typename Device>
    Outcome<void> reset(const std::vector<Device> &all, const std::string &kind, uint32_t number);
    HypercallAnswer populate(FakeDomain &domain, uint64_t count, uint64_t order, Data data);
    HypercallAnswer destroy(uint16_t id);
    HypercallAnswer tell_types(const FakeDomain &domain, uint64_t count, Data data);
    HypercallAnswer start(FakeDomain &domain, const Arguments &arguments, Data data);
    HypercallAnswer of_domain(uint32_t number, FakeDomain &domain, const Arguments &arguments, Data data);
    bool preempted();
    FakeDomain *find(uint64_t id);
    // Free frames that nobody has claimed.
    [[nodiscard]] uint64_t unclaimed() const;
    HypercallAnswer claim(FakeDomain &domain, uint64_t count) const;

    std::set<uint32_t> raised_;
    uint32_t preemptible_calls_ = 0;
};

}  // namespace ringfold::tools
