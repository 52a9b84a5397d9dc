// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/vcpu.hpp"

#include "hypervisor/domain/domain.hpp"

namespace ringfold {

Vcpu::Vcpu(Domain &owner, VcpuId number, CpuId cpu) : domain(owner), id(number), schedule(owner.schedule, this, cpu) {}

}  // namespace ringfold
