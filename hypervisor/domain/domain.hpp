// SPDX-License-Identifier: Apache-2.0
//
// A domain: its memory, its vCPUs, its console, and how it ended.
#pragma once

#include "hypervisor/console/domain_console.hpp"
#include "hypervisor/domain/rights.hpp"
#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/event/event_domain.hpp"
#include "hypervisor/grant/grant_domain.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/mm/domain_memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace ringfold {

// The numbers of hypercall shutdown, and what the hypervisor adds.
enum class ShutdownReason : uint32_t {
    power_off = RINGFOLD_SHUTDOWN_POWER_OFF,
    reboot = RINGFOLD_SHUTDOWN_REBOOT,
    crash = RINGFOLD_SHUTDOWN_CRASH,
    watchdog = RINGFOLD_SHUTDOWN_WATCHDOG,
    destroyed = RINGFOLD_SHUTDOWN_DESTROYED,
};

// Only ever advances; but a first start that fails leads back to `building`.
enum class DomainState : uint8_t {
    building = RINGFOLD_DOMAIN_BUILDING,
    running = RINGFOLD_DOMAIN_RUNNING,
    ending = RINGFOLD_DOMAIN_ENDING,
    ended = RINGFOLD_DOMAIN_ENDED,
    dying = RINGFOLD_DOMAIN_DYING,
};

// See pause.hpp. Whoever holds the lock of a paused domain knows that it stays so, unless it ends.
struct Pauses {
    uint32_t count = 0;
    uint64_t watchdog_left = 0;  // ns that its watchdog has left, while it is paused; 0: it is not armed
};

struct Domain {
    Domain(DomainId number, std::string_view domain_name, FrameCount maximum, Rights held);
    Domain(const Domain &) = delete;
    Domain &operator=(const Domain &) = delete;

    [[nodiscard]] std::string_view name_text() const { return name.data(); }
    [[nodiscard]] Vcpu *vcpu(uint64_t number) const { return number < vcpu_count ? vcpus[number] : nullptr; }
    // The same for a number that a guest gave. not_found: there is none.
    [[nodiscard]] Result<Vcpu *> find_vcpu(uint64_t number) const {
        Vcpu *const found = vcpu(number);
        return found != nullptr ? Result<Vcpu *>{found} : Result<Vcpu *>{Error::not_found};
    }

    // `vcpu` may be one that is just being destroyed by its own domain: only its address is compared.
    [[nodiscard]] bool has(const Vcpu &vcpu) const {
        return std::find(vcpus.begin(), vcpus.begin() + vcpu_count, &vcpu) != vcpus.begin() + vcpu_count;
    }

    const DomainId id;
    const Rights rights;
    std::atomic<uint32_t> references = 1;  // see DomainReference; the list has the first one
    std::array<char, RINGFOLD_DOMAIN_NAME_SIZE> name{};
    DomainMemory memory;
    DomainSchedule schedule;
    EventDomain events{this, id};
    GrantDomain grants;
    std::array<Vcpu *, RINGFOLD_MAX_VCPUS> vcpus{};
    uint32_t vcpu_count = 0;
    std::atomic<uint32_t> vcpus_online = 0;  // not offline; the one that makes it 0 ends the domain
    std::atomic<DomainState> state = DomainState::building;
    std::atomic<bool> ending = false;   // its vCPUs go offline at their next visit to the hypervisor
    bool is_control = false;            // dom0: the machine ends with it
    bool restarts_machine = false;      // when it crashes; otherwise the machine stops
    bool is_kept = false;               // once ended, until who controls it destroys it
    std::atomic<bool> reaping = false;  // a CPU takes it apart; guards the next three
    bool vcpus_released = false;
    bool is_gone = false;                               // nothing is left but the references to this struct
    std::atomic<std::size_t> holder_search = 0;         // see holder.cpp
    std::atomic<bool> is_orphan = false;                // left to the idle CPUs
    bool was_held = false;                              // a turn of an idle CPU ended because others hold its frames
    Domain *next_orphan = nullptr;                      // see reaper.cpp
    ShutdownReason reason = ShutdownReason::power_off;  // written once, by whoever made the state `ending`
    uint32_t exit_code = 0;
    std::atomic<bool> is_debugged = false;  // debug exceptions stop it (pause.hpp)
    bool console_is_logged = true;          // what it writes goes to the log, too
    Locked<Pauses, LockRank::pauses> pauses;
    Locked<DomainConsole, LockRank::console> console;
};

// building -> running, for the one caller who starts the first vCPU. False: the domain is past that.
[[nodiscard]] bool claim_start(Domain &domain);
// That start failed, and no vCPU is online.
void give_up_start(Domain &domain);

// Ends the domain for the first caller's reason; vCPUs that run elsewhere are interrupted. Returns at once: the domain
// has ended when its last vCPU is offline. Nothing happens to one that is not running.
void begin_shutdown(Domain &domain, ShutdownReason reason, uint32_t code);

// The same for what a domain asks for, of itself or of another. invalid_argument: no such reason, or a code above 255.
[[nodiscard]] Result<void> shut_down(Domain &domain, uint32_t reason, uint32_t code);

// Every vCPU is offline. Unless it is kept for somebody who will destroy it, idle CPUs take it apart.
void finish_shutdown(Domain &domain);

// Nothing is left of a domain. When that was the last one, the machine is powered off: with 0 if every domain of the
// boot ended with power_off and code 0, else with 1.
void note_domain_gone();

// A domain could not even be built: the machine's exit status is a failure.
void note_failed_domain();
// The boot has built its domains: from now on the end of the last one is the end of the machine.
void end_of_boot();

// A domain of which no vCPU ever started: false if one did meanwhile, or somebody else destroys it. True: it is dying,
// and the caller takes it apart.
[[nodiscard]] bool claim_unborn(Domain &domain);
// It never came into the list, and has no memory: frees it.
void destroy_unlisted_domain(Domain &domain);
// Frees what nobody refers to any more, with its vCPUs.
void free_domain(Domain &domain);
// True for one caller, if the domain has ended: it is dying, and the caller takes it apart.
[[nodiscard]] bool claim_ended(Domain &domain);

}  // namespace ringfold
