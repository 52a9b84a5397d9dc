// SPDX-License-Identifier: Apache-2.0
//
// An independent model of grants between a few domains, for random tests. It keeps no counts: what is in use it works
// out each time from who has which rights and which entries. Domains are named by their place, 0, 1, 2; a place has a
// new number after its domain died.
#pragma once

#include "hypervisor/lib/result.hpp"

#include <ringfold/grant.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace ringfold::test {

class GrantModel {
  public:
    static constexpr unsigned places = 3;
    static constexpr unsigned references = 8;
    static constexpr unsigned slots = 12;
    using Refusal = std::optional<Error>;

    struct Entry {
        uint32_t control = 0;
        uint64_t frame = 0;
    };
    struct Right {
        uint64_t granter;  // its number
        unsigned place;    // where it lived
        unsigned reference;
        uint64_t frame;
        bool writable;
    };
    struct Slot {
        uint64_t frame = 0;  // 0: nothing
        bool writable = false;
    };
    struct Domain {
        bool alive = false;
        uint16_t number = 0;
        std::array<Entry, references> entries{};
        std::map<uint32_t, Right> rights;
        std::array<Slot, slots> mapped{};
    };
    struct Frame {
        uint16_t owner = 0;  // a number; 0: nobody
        bool pinned = false;
        std::vector<uint8_t> bytes;
    };

    std::array<Domain, places> domains;
    std::map<uint64_t, Frame> frames;
    uint64_t maximum = 0;

    struct Uses {
        uint64_t all = 0;
        uint64_t writable = 0;
    };
    [[nodiscard]] Uses uses_of(uint64_t frame) const;  // by entries and rights of anybody
    [[nodiscard]] Uses uses_of_entry(const Domain &granter, unsigned reference) const;  // by rights
    [[nodiscard]] uint64_t owned(const Domain &domain) const;
    [[nodiscard]] bool owns(const Domain &domain, uint64_t frame) const;

    // Why not; nothing: it must work.
    [[nodiscard]] Refusal use(const Domain &granter, unsigned reference, const Domain &user, bool writable) const;
    [[nodiscard]] Refusal set_slot(const Domain &domain, const Slot &wanted) const;
    [[nodiscard]] Refusal unmap(const Domain &domain, uint32_t handle) const;
    [[nodiscard]] Refusal own_end(const Domain &domain, uint64_t frame, bool writable) const;
    [[nodiscard]] Refusal pin(const Domain &domain, uint64_t frame) const;
    [[nodiscard]] Refusal begin_transfer(const Domain &receiver, unsigned reference, const Domain &giver) const;
    [[nodiscard]] Refusal move(const Domain &receiver, const Domain &giver, uint64_t frame) const;

    // What the hypervisor does to `control` when a use begins, and when it has ended.
    void claim(Domain &granter, unsigned reference, bool writable);
    void unclaim(Domain &granter, unsigned reference, bool writable);
    // A right goes; its granter may have died.
    void drop_right(Domain &domain, uint32_t handle);
    void end(Domain &domain);

  private:
    // A frame of the dead goes when nobody has a right on it any more.
    void forget_if_unused(uint64_t frame);
    [[nodiscard]] bool is_alive(uint16_t number) const;
};

}  // namespace ringfold::test
