// SPDX-License-Identifier: Apache-2.0
//
// A domain: its memory, its vCPUs, its console, and how it ended.
#pragma once

#include "hypervisor/domain/console_line.hpp"
#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/mm/domain_memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace ringfold {

// The numbers of hypercall shutdown, and what the hypervisor adds.
enum class ShutdownReason : uint32_t { power_off = 0, reboot = 1, crash = 2 };

struct Domain {
    Domain(DomainId number, std::string_view domain_name, FrameCount maximum);
    Domain(const Domain &) = delete;
    Domain &operator=(const Domain &) = delete;

    [[nodiscard]] std::string_view name_text() const { return name.data(); }
    [[nodiscard]] Vcpu *vcpu(uint64_t number) const { return number < vcpu_count ? vcpus[number] : nullptr; }

    // `vcpu` may be one that is just being destroyed by its own domain: only its address is compared.
    [[nodiscard]] bool has(const Vcpu &vcpu) const {
        return std::find(vcpus.begin(), vcpus.begin() + vcpu_count, &vcpu) != vcpus.begin() + vcpu_count;
    }

    const DomainId id;
    std::array<char, 32> name{};
    DomainMemory memory;
    DomainSchedule schedule;
    std::array<Vcpu *, RINGFOLD_MAX_VCPUS> vcpus{};
    uint32_t vcpu_count = 0;
    std::atomic<uint32_t> vcpus_online = 0;             // not offline; the one that makes it 0 ends the domain
    std::atomic<bool> shutdown_claimed = false;         // somebody writes reason and exit_code
    std::atomic<bool> ending = false;                   // its vCPUs go offline at their next visit to the hypervisor
    ShutdownReason reason = ShutdownReason::power_off;  // written once, by whoever set `ending`
    uint32_t exit_code = 0;
    Locked<ConsoleLine, LockRank::console_line> console;
};

// Ends the domain for the first caller's reason; vCPUs that run elsewhere are interrupted. Returns at once: the domain
// is gone when its last vCPU is offline.
void begin_shutdown(Domain &domain, ShutdownReason reason, uint32_t code);

// Every vCPU is offline: gives everything back. When the last domain has ended, the machine is powered off with 0 if
// every one of them ended with power_off and code 0, else with 1.
void finish_shutdown(Domain &domain);

// A domain could not even be built: the machine's exit status is a failure.
void note_failed_domain();
// The boot has built its domains: from now on the end of the last one is the end of the machine.
void end_of_boot();

// A domain that never ran and could not be completed: gives everything back.
void destroy_unborn_domain(Domain &domain);

}  // namespace ringfold
