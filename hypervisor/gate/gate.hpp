// SPDX-License-Identifier: Apache-2.0
//
// The C++ side of the gate: its tables on a CPU, and what it is told about the vCPU that runs there.
#pragma once

#include "hypervisor/cpu/own_space.hpp"
#include "hypervisor/gate/gate_constants.hpp"
#include "hypervisor/gate/selectors.hpp"

#include <cstdint>

// Labels of gate.asm.
extern "C" {
extern const uint64_t gate_stubs[256];
extern const char gate_text_start[];
extern const char gate_code_end[];
extern const char gate_syscall[];
extern const char gate_syscall32[];
extern const char gate_syscall_window_end[];
}

namespace ringfold {

struct Vcpu;

// This CPU's constants, writable in the hypervisor's space only.
[[nodiscard]] inline GateConstants &gate_constants() {
    return *in_own_space<GateConstants>(virtual_map::gate_constants.base);
}

[[nodiscard]] inline bool in_gate_text(uint64_t rip) {
    return rip >= reinterpret_cast<uint64_t>(gate_text_start) && rip < reinterpret_cast<uint64_t>(gate_code_end);
}

// Writes this CPU's GDT, IDT, TSS and constants, loads them, and points the SYSCALL registers at the gate. Runs in the
// CPU's own hypervisor space. `process_context_ids`: CR4.PCIDE is on.
void initialise_gate(uint64_t hypervisor_root, bool process_context_ids);

// Tells the gate what `vcpu` registered.
void load_gate_entries(const Vcpu &vcpu);
// Loads its TLS and CPU-number descriptors, and its LDT into both faces and LDTR.
void load_descriptors(const Vcpu &vcpu);

}  // namespace ringfold
