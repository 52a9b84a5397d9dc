// SPDX-License-Identifier: Apache-2.0
//
// One physical CPU's two faces of slot 256 (mm/virtual_map.hpp): its own L3, L2 and L1 tables where the CPUs differ,
// shared ones everywhere else.
#pragma once

#include "hypervisor/cpu/page_mapper.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <cstdint>

namespace ringfold {

class LocalDescriptorTable;

class CpuSpace {
  public:
    // Builds both faces. `shared` is the L3 table whose entries every CPU has in common; `gate_text` holds the gate's
    // code, `gate_text_size` bytes of it. out_of_memory leaves what was built: a CPU that cannot come up stays down.
    [[nodiscard]] static Result<CpuSpace> create(MachineFrame shared, MachineFrame gate_text, uint64_t gate_text_size,
                                                 FrameSource source);
    constexpr CpuSpace() = default;

    MachineFrame hypervisor_root;  // the L4 frame that CR3 names while this CPU is in the hypervisor proper
    MachineFrame hypervisor_face;  // the L3 frame in its entry 256, the only one that is filled
    MachineFrame guest_face;       // the L3 frame in entry 256 of every root that a guest runs on here
    MachineFrame data;             // the first frame behind virtual_map::cpu_data; the others follow it

    // Entry 256 of every root that a guest runs on here.
    [[nodiscard]] constexpr uint64_t guest_slot_entry() const { return address_of(guest_face).raw() | table_flags; }

    // Maps `frame`, a guest's, as the current vCPU's page in the guest face. The caller sees to stale translations.
    void set_vcpu_page(MachineFrame frame);
    // The LDT of the vCPU that is about to run, read-only in both faces. Drops stale translations of this face only.
    void map_local_descriptors(const LocalDescriptorTable &table);

  private:
    [[nodiscard]] Result<void> build_gate(MachineFrame gate_text, uint64_t gate_text_size, FrameSource source);
    [[nodiscard]] Result<void> build_this_cpu(MachineFrame shared, FrameSource source);

    MachineFrame hypervisor_gate_l1_;
    MachineFrame guest_gate_l1_;
};

}  // namespace ringfold
