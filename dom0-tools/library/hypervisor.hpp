// SPDX-License-Identifier: Apache-2.0
//
// The hypervisor as the tools see it: its calls with types, preempted ones gone on with, errors with a text.
#pragma once

#include "dom0-tools/library/hypercall_port.hpp"

#include <ringfold/console.h>
#include <ringfold/debug.h>
#include <ringfold/domain.h>
#include <ringfold/platform.h>
#include <ringfold/schedule.h>
#include <ringfold/trace.h>
#include <ringfold/vcpu.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ringfold::tools {

inline constexpr DomainId self_domain{RINGFOLD_DOMAIN_SELF};

// A part of the log or of a console. Bytes between what was asked for and `begin` are lost.
struct OutputPart {
    uint64_t begin = 0;
    uint64_t next = 0;
    std::string text;
};

using DomainInfos = std::map<DomainId, ringfold_domain_info>;

// Nothing: there is no such domain among them.
[[nodiscard]] inline const ringfold_domain_info *find_domain(const DomainInfos &domains, DomainId domain) {
    const auto found = domains.find(domain);
    return found == domains.end() ? nullptr : &found->second;
}

struct HypervisorVersion {
    uint32_t abi = 0;
    uint64_t features = 0;  // RINGFOLD_START_*
    uint64_t build = 0;     // first bytes of the build id
};

class Hypervisor {
  public:
    explicit Hypervisor(HypercallPort &port) : port_(&port) {}

    [[nodiscard]] HypercallPort &port() const { return *port_; }

    [[nodiscard]] Outcome<HypervisorVersion> version() const;
    [[nodiscard]] Outcome<ringfold_counters> counters() const;
    [[nodiscard]] Outcome<ringfold_counters> counters_of(DomainId domain) const;
    [[nodiscard]] Outcome<std::vector<ringfold_machine_range>> machine_memory() const;
    [[nodiscard]] Outcome<void> press_debug_key(char key) const;
    [[nodiscard]] Outcome<OutputPart> read_log(uint64_t position) const;
    [[nodiscard]] Outcome<ringfold_trace_status> trace_status() const;

    [[nodiscard]] Outcome<DomainId> create(const ringfold_domain_configuration &configuration) const;
    // Sets free memory aside for populate(). memory: there is not so much.
    [[nodiscard]] Outcome<void> claim(DomainId domain, FrameCount count) const;
    // Cleared memory as pseudo-physical frames 0 .. count - 1; their machine frames.
    [[nodiscard]] Outcome<std::vector<uint64_t>> populate(DomainId domain, FrameCount count) const;
    [[nodiscard]] Outcome<void> copy_in(DomainId domain, std::span<const uint64_t> frames,
                                        std::span<const std::byte> pages) const;
    [[nodiscard]] Outcome<void> copy_out(DomainId domain, std::span<const uint64_t> frames,
                                         std::span<std::byte> pages) const;
    // RINGFOLD_FRAME_* of each of these machine frames; _NONE of what is none of the domain's.
    [[nodiscard]] Outcome<std::vector<uint8_t>> frame_types(DomainId domain, std::span<const uint64_t> frames) const;
    [[nodiscard]] Outcome<void> start(DomainId domain, ringfold_vcpu_context context, uint64_t hypercall_return) const;
    // Its devices go first. busy: another domain still holds frames of it; it stays in state DYING and is to be
    // destroyed again.
    [[nodiscard]] Outcome<void> destroy(DomainId domain) const;
    [[nodiscard]] Outcome<void> shut_down(DomainId domain, uint32_t reason, uint32_t code) const;
    [[nodiscard]] Outcome<void> pause(DomainId domain) const;
    [[nodiscard]] Outcome<void> unpause(DomainId domain) const;
    [[nodiscard]] Outcome<void> set_maximum(DomainId domain, FrameCount maximum) const;
    [[nodiscard]] Outcome<ringfold_domain_info> describe(DomainId domain) const;
    [[nodiscard]] Outcome<DomainInfos> list() const;

    [[nodiscard]] Outcome<ringfold_vcpu_registers> registers(DomainId domain, uint32_t vcpu) const;
    [[nodiscard]] Outcome<void> set_registers(DomainId domain, uint32_t vcpu, ringfold_vcpu_registers registers) const;
    [[nodiscard]] Outcome<void> set_debug(DomainId domain, uint32_t mode) const;  // RINGFOLD_DEBUG_*
    [[nodiscard]] Outcome<OutputPart> read_console(DomainId domain, uint64_t position) const;
    // How many bytes it took.
    [[nodiscard]] Outcome<std::size_t> write_console(DomainId domain, std::string_view bytes) const;

    [[nodiscard]] Outcome<ringfold_domain_schedule> schedule(DomainId domain) const;
    [[nodiscard]] Outcome<void> set_schedule(DomainId domain, ringfold_domain_schedule schedule) const;
    [[nodiscard]] Outcome<ringfold_vcpu_schedule> vcpu_schedule(DomainId domain, uint32_t vcpu) const;
    [[nodiscard]] Outcome<void> set_vcpu_schedule(DomainId domain, uint32_t vcpu, uint64_t affinity,
                                                  uint64_t preferred) const;
    [[nodiscard]] Outcome<ringfold_pool_info> pool(uint32_t number) const;
    [[nodiscard]] Outcome<void> move_cpu(uint32_t cpu, uint32_t pool) const;
    [[nodiscard]] Outcome<void> set_pool_mode(uint32_t pool, uint32_t mode) const;

  private:
    HypercallPort *port_;
};

// A domain's name as it stands in the hypervisor's structures.
[[nodiscard]] std::string name_in(const char (&field)[RINGFOLD_DOMAIN_NAME_SIZE]);

}  // namespace ringfold::tools
