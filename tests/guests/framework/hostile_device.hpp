// SPDX-License-Identifier: Apache-2.0
//
// A front end that breaks every rule of ringfold/device.h in an order that is drawn, while its devices are at work, and
// then uses them as they are meant: whatever it did, a new connection must work. The parts of a test that depend on the
// kind of device are the test's.
#pragma once

#include "framework/front_end.hpp"
#include "framework/random.hpp"

#include <cstdint>
#include <span>

namespace guest {

struct Attack {
    const char *name;
    // Connected before; afterwards it may be, or the back end is closed or offers.
    void (*run)(FrontDevice &device, Random &random);
};

struct HostileKind {
    uint16_t kind;
    // A connection has begun: rings are empty.
    void (*begin)(FrontDevice &device);
    // Uses it, and checks what comes of it. What was asked before is waited for.
    void (*use)(FrontDevice &device, Random &random);
    // Asks for as much as there is room for, right and wrong, and does not wait for it.
    void (*burden)(FrontDevice &device, Random &random);
    std::span<const Attack> attacks;
};

// Attacks through all devices of a kind. The command line says rounds=N, each with every attack (0: without end), and
// seed=N; or flood=N: only so many events through each port, for nothing, until the first device is taken away; or
// follow=1: only states, each as soon as it can be, without end.
void attack_devices(const HostileKind &kind);

// The back end has ended the connection because of what was done.
void check_thrown_out(FrontDevice &device, const char *what);

// Random words over pages, now and then an event of this port.
void scribble(const BorrowedPages &pages, uint32_t port, unsigned words, Random &random);

}  // namespace guest
