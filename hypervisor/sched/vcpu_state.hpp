// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ringfold/vcpu.h>

#include <cstdint>

namespace ringfold {

enum class VcpuState : uint8_t {
    offline,
    starting,  // being set up by whoever starts it
    runnable,
    running,
    blocked,
    stopping,  // asked to go offline; becomes so when its registers are off the physical CPU
};

// The state as the vCPU page shows it.
[[nodiscard]] constexpr uint32_t abi_state(VcpuState state) {
    switch (state) {
        case VcpuState::offline:
        case VcpuState::starting:
            return RINGFOLD_VCPU_OFFLINE;
        case VcpuState::runnable:
            return RINGFOLD_VCPU_RUNNABLE;
        case VcpuState::blocked:
            return RINGFOLD_VCPU_BLOCKED;
        case VcpuState::running:
        case VcpuState::stopping:
            return RINGFOLD_VCPU_RUNNING;
    }
    return RINGFOLD_VCPU_OFFLINE;
}

}  // namespace ringfold
