// SPDX-License-Identifier: Apache-2.0
//
// What is kept of a guest that crashed, in a folder beside its consoles: crash-LIFE/ with console, hypervisor-log,
// registers and domain.json.
#pragma once

#include "dom0-tools/hvd/guest.hpp"

namespace ringfold::tools {

// The folder's path. What cannot be had is said in its place, in a file of that name.
[[nodiscard]] Outcome<std::filesystem::path> keep_crash_bundle(const Hypervisor &hypervisor, const Guest &guest,
                                                               const ringfold_domain_info &info, const OutputLog &log);

// Registers as text, of a guest that runs or is paused. It is paused meanwhile.
[[nodiscard]] Outcome<std::string> describe_registers(const Hypervisor &hypervisor, const Guest &guest);

}  // namespace ringfold::tools
