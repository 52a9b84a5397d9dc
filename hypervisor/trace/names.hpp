// SPDX-License-Identifier: Apache-2.0
//
// How records name vCPUs: domain << 16 | vCPU; all ones: none.
#pragma once

#include "hypervisor/domain/domain.hpp"

#include <cstdint>

namespace ringfold::trace {

[[nodiscard]] inline uint64_t name_of(const Vcpu *vcpu) {
    return vcpu == nullptr ? ~uint64_t{0} : uint64_t{vcpu->domain.id.raw()} << 16 | vcpu->id.raw();
}

}  // namespace ringfold::trace
