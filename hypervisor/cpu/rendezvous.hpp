// SPDX-License-Identifier: Apache-2.0
//
// Stopping every other CPU, for what must see the whole machine stand still.
#pragma once

namespace ringfold {

// While one exists, every other CPU that is online waits in the hypervisor, holding no lock. The caller holds none
// either. Each executes a serialising instruction before it goes on.
class StoppedMachine {
  public:
    StoppedMachine();
    ~StoppedMachine();
    StoppedMachine(const StoppedMachine &) = delete;
    StoppedMachine &operator=(const StoppedMachine &) = delete;
};

// Waits here as long as another CPU wants the machine stopped. Part of every exit and of idling; no lock is held.
void stop_if_asked();
[[nodiscard]] bool is_stop_asked();

}  // namespace ringfold
