// SPDX-License-Identifier: Apache-2.0
//
// hvctl as the first process of a throw-away guest (`hvctl run`): it needs nothing of the guest's root but the command.
#pragma once

namespace ringfold::tools {

// Whether that is what this process was started as.
[[nodiscard]] bool is_guest_init(const char *program);

// Mounts what programs expect, runs the command, tells its output and its status on the console, and powers off.
[[noreturn]] void run_guest_init();

}  // namespace ringfold::tools
