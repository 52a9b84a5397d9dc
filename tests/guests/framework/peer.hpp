// SPDX-License-Identifier: Apache-2.0
//
// A second domain that does what the test says: the guest `peer` (beside=peer), domain 2. It grants the test, domain 1,
// a mailbox page by its reference 0; the test maps that and writes commands into it. So one test drives both sides, and
// either may be the granter.
#pragma once

#include "framework/frame_numbers.hpp"
#include "framework/grant.hpp"
#include "framework/hypercall.hpp"

#include <cstdint>

namespace guest {

inline constexpr uint32_t test_domain = 1;
inline constexpr uint32_t peer_domain = 2;

// The peer's own side of it: serves commands until it is told to end.
[[noreturn]] void serve_as_peer();

// Where the peer can map pages; the test has its own there.
inline constexpr uint64_t peer_window = 0x0000'0000'4000'0000;

namespace peer {

// Waits for the peer, maps its mailbox.
void connect();
// Gives the mailbox back; no commands after that. Of a peer that is gone, too.
void disconnect();

// A hypercall by the peer; its call buffer has at offset 0 what buffer() has here, before and after.
Result hypercall(uint64_t number, uint64_t argument0 = 0, uint64_t argument1 = 0, uint64_t argument2 = 0);
uint8_t *buffer();

// A frame of the peer's, mapped in its initial mapping at `linear`, cleared.
struct Frame {
    MachineFrame machine;
    uint64_t linear;
};
Frame allocate();
// It gives a frame back, so that it may receive one: it starts with all the memory that it may own.
void make_room();
// A word of the peer's memory, by the peer itself; false: it faulted.
bool load(uint64_t linear, uint64_t &value);
bool store(uint64_t linear, uint64_t value);
// The entry that maps page `page` of its window: status of the batch. flushed: drops its translation afterwards.
int64_t map(uint64_t page, uint64_t entry, bool flushed = true);
// Takes a frame of its own out of its initial mapping, or maps it there with other flags.
int64_t map_initially(const Frame &frame, uint64_t entry);

// Its grant table's first page; reference 0 is the mailbox's.
void grant(uint32_t reference, MachineFrame frame, uint32_t flags = 0);
void accept(uint32_t reference, uint64_t shown_as);
uint32_t control(uint32_t reference);

ringfold_grant_map_element map_grant(uint32_t reference, uint16_t flags = 0);  // of domain 1's table
int32_t unmap_grant(uint32_t handle);

// Tells it to print its verdict and end, as it is, with whatever it has mapped.
void end();

}  // namespace peer
}  // namespace guest
