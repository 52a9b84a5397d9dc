// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/dispatcher/world.hpp"

#include "hypervisor/cpu/instructions.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/creation.hpp"
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/domain/vcpu_start.hpp"
#include "hypervisor/event/interdomain.hpp"
#include "hypervisor/gate/exit.hpp"
#include "hypervisor/mm/assignment.hpp"
#include "hypervisor/mm/entry.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/heap.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "tests/fuzz/dispatcher/checks.hpp"
#include "tests/fuzz/dispatcher/machine.hpp"

#include <ringfold/grant.h>

#include <algorithm>
#include <utility>

namespace ringfold::fuzzed {

namespace {

constexpr uint32_t pages_of_call_buffer = 2;
constexpr uint64_t maximum_frames = 1200;  // two whole extents and something

// In as many visits as it takes.
template <typename Operation>
auto retry(Operation &&operation) {
    for (;;) {
        begin_visit(this_cpu().guest);
        auto result = operation();
        if (result.ok() || result.error() != Error::again) {
            require(result.ok(), "what a domain begins with is granted");
            return result;
        }
    }
}

TypeReference hold(Domain &domain, MachineFrame frame) {
    return retry([&] { return hold_writable(domain.memory, frame); }).take();
}

void give_block(Domain &domain, Player &player, Order order) {
    const MachineFrame first = retry([order] { return allocate_frames(order); }).value();
    (void)retry([&] { return assign_frames(domain.memory, first, order.frames()); });
    player.frames.push_back(first);
}

void give_frames(Domain &domain, Player &player) {
    constexpr Order extent{big_page_shift - page_shift};
    for (unsigned number = 0; number < layout::end; ++number) {
        give_block(domain, player, number == layout::extent ? extent : Order{0});
    }
}

void write_page_tables(const std::vector<MachineFrame> &frames) {
    constexpr uint64_t flags = RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_USER;
    using namespace layout;
    for (const unsigned upper : {l4, l3, l2}) {
        *pointer_to<uint64_t>(frames[upper]) = Entry{frames[upper + 1], flags}.raw();
    }
    for (unsigned number = first_mapped; number < first_unused; ++number) {
        pointer_to<uint64_t>(frames[l1])[number] = Entry{frames[number], flags}.raw();
    }
}

void start(Vcpu &vcpu, const std::vector<MachineFrame> &frames) {
    using namespace layout;
    ringfold_vcpu_entries entries{};
    entries.hypercall_return = 0xffff'ffff'8100'0000;
    ringfold_vcpu_context context{};
    context.rip = 0xffff'ffff'8100'1000;
    context.root = frames[l4].raw();
    context.vcpu_page = frames[first_vcpu_page + vcpu.id.raw()].raw();
    (void)retry([&] {
        return vcpu.id == VcpuId{0} ? start_domain(vcpu, entries, context) : start_vcpu(vcpu, entries, context);
    });
    for (uint32_t page = 0; page < pages_of_call_buffer; ++page) {
        const MachineFrame frame = frames[first_call_buffer + vcpu.id.raw() * pages_of_call_buffer + page];
        vcpu.call_buffer.set(page, hold(vcpu.domain, frame));
    }
}

bool is_any_left() { return domain_list::next(DomainId{0}).ok(); }

// Each CPU has a visit, and does what there is to do when it has nobody to run.
void run_all_cpus() {
    Machine &machine = Machine::the();
    for (uint16_t number = 0; number < cpu_count; ++number) {
        machine.select(CpuId{number});
        machine.enter();
        machine.leave();
    }
}

}  // namespace

World::World() {
    Machine::the().begin();
    heap_trim();
    free_before_ = free_frame_count();
    objects_before_ = heap_counters().objects;
    begin_domain(RINGFOLD_RIGHTS_ALL & ~RINGFOLD_RIGHT_MACHINE, 2);
    begin_domain(RINGFOLD_RIGHT_CONTROL | RINGFOLD_RIGHT_SCHEDULE | RINGFOLD_RIGHT_HARDWARE | RINGFOLD_RIGHT_MACHINE,
                 2);
    begin_domain(0, 1);
    for (const Player &player : players_) {
        write_grants(player);
        offer_ports(player);
    }
}

// To each, itself included: a player's port 1 to player 0, and so on.
void World::offer_ports(const Player &player) const {
    const DomainReference domain = find_domain(player.id).take();
    for (const Player &other : players_) {
        const DomainReference peer = find_domain(other.id).take();
        require(offer_port(domain->events, peer->events, 0).ok(), "a port is offered");
    }
}

// Each lends to the others and accepts from them, by turns.
void World::write_grants(const Player &player) const {
    auto *const entries = pointer_to<ringfold_grant_entry>(player.frames[layout::grant_table]);
    for (unsigned number = 0; number < layout::end - layout::first_lent; ++number) {
        const uint32_t kind = number % 4 == 3 ? RINGFOLD_GRANT_ACCEPT : RINGFOLD_GRANT_PERMIT;
        const uint32_t flags = number % 4 == 2 ? RINGFOLD_GRANT_READ_ONLY : 0;
        const uint32_t other = pick(number).id.raw();
        entries[number].control = kind | flags | other << RINGFOLD_GRANT_DOMAIN_SHIFT;
        entries[number].frame = player.frames[layout::first_lent + number].raw();
    }
}

void World::begin_domain(uint64_t rights, uint32_t vcpus_started) {
    const DomainReference domain =
        retry([&] {
            return create_domain(
                domain_list::free_id().value(),
                {.name = "player",
                 .maximum = FrameCount{maximum_frames},
                 .rights = Rights{rights},
                 .vcpus = layout::vcpus,
                 .first_cpu = CpuId{static_cast<uint16_t>(layout::vcpus * players_.size() % cpu_count)}});
        }).take();
    note_domain(domain->id);
    Player &player = players_.back();
    give_frames(*domain, player);
    write_page_tables(player.frames);
    for (uint32_t number = 0; number < vcpus_started; ++number) {
        start(*domain->vcpus[number], player.frames);
    }
    TypeReference table = hold(*domain, player.frames[layout::grant_table]);
    require(domain->grants.table.lock()->set(0, std::move(table)).ok(), "a domain has a grant table");
}

const Player *World::find(uint64_t id) const {
    const auto found =
        std::find_if(players_.begin(), players_.end(), [id](const Player &player) { return player.id.raw() == id; });
    return found == players_.end() ? nullptr : &*found;
}

void World::note_domain(DomainId id) {
    constexpr std::size_t most = 16;
    if (players_.size() < most && find(id.raw()) == nullptr) {
        players_.push_back({.id = id, .frames = {}});
    }
}

void World::note_frame(DomainId owner, MachineFrame frame) {
    constexpr std::size_t most = 128;
    for (Player &player : players_) {
        if (player.id == owner && player.frames.size() < most) {
            player.frames.push_back(frame);
        }
    }
}

void World::end() {
    processor.ticks_per_read = 1;  // nothing makes way for anything
    domain_list::for_each_unlocked([](Domain &domain) { begin_shutdown(domain, ShutdownReason::destroyed, 0); });
    constexpr unsigned patience = 100;  // rounds
    for (unsigned round = 0; is_any_left(); ++round) {
        require(round < patience, "when nobody is left who could destroy domains, all of them go by themselves");
        run_all_cpus();
    }
    check_accounting();
    heap_trim();
    require(heap_counters().objects == objects_before_, "every object of the heap came back");
    require(free_frame_count() == free_before_, "every frame came back");
}

}  // namespace ringfold::fuzzed
