// SPDX-License-Identifier: Apache-2.0
//
// The rings by CPU: what trace points write to, and the session makes and takes away.
#pragma once

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/trace/ring.hpp"

#include <array>
#include <atomic>

namespace ringfold::trace {

// Null outside a trace. Stored (release) when the ring is complete; taken away while every other CPU is stopped, so
// that none is at writing.
extern constinit std::array<std::atomic<Ring *>, max_cpus> rings;

// A half of some ring was filled. Relaxed: whoever is told looks at the rings themselves.
extern constinit std::atomic<bool> has_grown;

}  // namespace ringfold::trace
