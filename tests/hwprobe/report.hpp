// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/hwprobe/probe.hpp"
#include "tests/hwprobe/text.hpp"

namespace hwprobe {

// What happened, in the words in which the probes' expectations are written.
[[nodiscard]] Text describe(const Probe &probe, const EntryFrame &entry, const Outcome &outcome);

}  // namespace hwprobe
