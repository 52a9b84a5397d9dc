// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x83 memory=16M
//
// What is kept for domains that may control others goes when the last of them has ended; one that was never started can
// destroy nobody. Here the only domain that runs makes one with the right to control others, and beside it an ended one
// that is kept, starts the former never and ends. Expected: both go by themselves and the machine powers off. (They
// stayed for ever, and so did the machine: whoever existed with the right was counted.)
#include "framework/child.hpp"
#include "framework/guest.hpp"

using namespace guest;

void guest_main() {
    const Child ended = run_child(child_powers_off);
    await_domain_state(ended.id, RINGFOLD_DOMAIN_ENDED);
    const Child unborn = create_child({.name = "unborn", .rights = RINGFOLD_RIGHT_CONTROL});
    const ringfold_domain_info info = await_domain_state(unborn.id, RINGFOLD_DOMAIN_BUILDING);
    check_equal(info.rights, RINGFOLD_RIGHT_CONTROL, "its rights");
}
