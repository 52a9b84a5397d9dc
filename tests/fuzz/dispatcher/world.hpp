// SPDX-License-Identifier: Apache-2.0
//
// The domains of one run, and what their guests know. Three begin, each with page tables, a call buffer, a grant table,
// ports offered to the others, and data; what they create and populate comes to it.
//
//   0   two vCPUs; every right but that to the machine
//   1   two vCPUs; controls and schedules domains, has hardware and the machine
//   2   one vCPU of two started; no right
//
// So neither of the first two may act on the other, and both may act on the third. Nobody has what it takes to restart
// the machine by a debug key, for that would be the end of the run.
#pragma once

#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/units.hpp"

#include <cstdint>
#include <vector>

namespace ringfold::fuzzed {

// The first frames of a domain that is there at first, by number.
namespace layout {
inline constexpr unsigned vcpus = 2;
inline constexpr unsigned l4 = 0;
inline constexpr unsigned l3 = 1;
inline constexpr unsigned l2 = 2;
inline constexpr unsigned l1 = 3;
inline constexpr unsigned first_vcpu_page = 4;    // one for each vCPU
inline constexpr unsigned first_call_buffer = 6;  // two for each vCPU
inline constexpr unsigned grant_table = 10;
inline constexpr unsigned extent = 11;        // the first of as many as a big page has
inline constexpr unsigned first_mapped = 12;  // data that the L1 maps, writable
inline constexpr unsigned first_unused = 16;
inline constexpr unsigned first_lent = 20;  // by its grant table, entry by entry
inline constexpr unsigned end = 32;
}  // namespace layout

// A domain as guests know it: it may be gone.
struct Player {
    DomainId id;
    std::vector<MachineFrame> frames;  // that were its at some time
};

class World {
  public:
    World();
    World(const World &) = delete;
    World &operator=(const World &) = delete;

    // The end of all domains. Nothing is left of them, or it is a finding.
    void end();

    [[nodiscard]] const std::vector<Player> &players() const { return players_; }
    // By what a byte of the input says.
    [[nodiscard]] const Player &pick(uint32_t number) const { return players_[number % players_.size()]; }
    [[nodiscard]] const Player *find(uint64_t id) const;

    void note_domain(DomainId id);
    void note_frame(DomainId owner, MachineFrame frame);

  private:
    void begin_domain(uint64_t rights, uint32_t vcpus_started);
    void write_grants(const Player &player) const;
    void offer_ports(const Player &player) const;

    std::vector<Player> players_;
    FrameCount free_before_;
    uint64_t objects_before_;
};

}  // namespace ringfold::fuzzed
