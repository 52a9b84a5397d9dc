// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hypervisor/gate/entry_frame.hpp"

namespace ringfold {

struct Vcpu;

// Takes `previous` (if any) off this CPU and puts `next` (if any) on it: registers in `frame`, segments, debug
// registers, extended state, the gate's constants and descriptors, the vCPU page. On return GuestCpu::current is
// `next`. When the domain changes, what the previous guest left in the gate's scratch is wiped.
void switch_vcpu(Vcpu *previous, Vcpu *next, EntryFrame &frame);

// Writes the time scale of this CPU to the page of `vcpu`, under its version counter.
void publish_time(Vcpu &vcpu);

}  // namespace ringfold
