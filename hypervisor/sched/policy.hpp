// SPDX-License-Identifier: Apache-2.0
//
// The numbers of the scheduling policy; docs/scheduler.md says how they were chosen.
#pragma once

#include "hypervisor/sched/virtual_time.hpp"

#include <algorithm>
#include <cstdint>

namespace ringfold::policy {

// How long a vCPU runs before the one with the best claim is chosen anew, if `waiting` others wait: each has its turn
// within `turn`, as long as slices stay worth their switch.
inline constexpr uint64_t turn = 30'000'000;           // ns
inline constexpr uint64_t longest_slice = 10'000'000;  // ns
inline constexpr uint64_t shortest_slice = 3'000'000;  // ns
[[nodiscard]] constexpr uint64_t slice(uint32_t waiting) {
    return std::clamp(turn / (uint64_t{waiting} + 1), shortest_slice, longest_slice);
}

// A vCPU that wakes up takes the CPU from one whose claim is weaker by more than `wake_margin`, once that one has run
// for `shortest_run`: no storm of wake-ups makes the CPU do nothing but switch.
inline constexpr VirtualDuration wake_margin{500'000};
inline constexpr uint64_t shortest_run = 500'000;  // ns

// What a vCPU may keep of the claim that it did not use while it was blocked. More than a slice: one that waited for a
// slice and then blocks for a moment does not lose what it waited for.
inline constexpr VirtualDuration sleeper_bonus{12'000'000};

// One that is preferred (for it wakes up, or another one yields to it) goes before those with a better claim, but it is
// by this ahead of them at most: two that keep preferring each other do not keep the CPU for themselves.
inline constexpr VirtualDuration longest_lead{30'000'000};

// A CPU takes over a vCPU that waits elsewhere and has a claim better by this than what it would run itself.
inline constexpr VirtualDuration balance_margin{12'000'000};
// By no more than this does the level of a CPU's queue lag behind the pool's: longer ago is forgotten.
inline constexpr VirtualDuration longest_memory{60'000'000};

}  // namespace ringfold::policy
