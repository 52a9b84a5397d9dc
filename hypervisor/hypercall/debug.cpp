// SPDX-License-Identifier: Apache-2.0
//
// Counters, and what debug builds tell a guest about the hypervisor's accounting.
#include "hypervisor/console/debug_keys.hpp"
#include "hypervisor/cpu/counters.hpp"
#include "hypervisor/cpu/nmi.hpp"
#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/domain/access.hpp"
#include "hypervisor/domain/audit.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/mm/assignment.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace ringfold::hypercall {

Returns_nothing counters_read(Vcpu &caller, uint64_t offset) {
    return caller.call_buffer.write_object(offset, sum_counters());
}

Returns_nothing cpu_counters_read(Vcpu &caller, uint32_t cpu, uint64_t offset) {
    if (cpu >= cpu_set_capacity || !online_cpus().contains(CpuId{static_cast<uint16_t>(cpu)})) {
        return Error::not_found;
    }
    return caller.call_buffer.write_object(offset, counters_of(CpuId{static_cast<uint16_t>(cpu)}));
}

Returns_nothing domain_counters_read(Vcpu &caller, uint32_t domain, uint64_t offset) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::inspect));
    return caller.call_buffer.write_object(offset, counters_of(*target));
}

Returns_nothing debug_frame(Vcpu &caller, uint64_t frame, uint64_t offset) {
    if (RINGFOLD_DEBUG == 0) {
        return Error::not_supported;
    }
    TRY(caller.call_buffer.check(offset, sizeof(ringfold_frame_info)));
    const ringfold_frame_info info = TRY(describe_frame(caller.domain.memory, MachineFrame{frame}));
    return caller.call_buffer.write_object(offset, info);
}

Returns_nothing debug_audit(Vcpu &) {
    if (RINGFOLD_DEBUG == 0) {
        return Error::not_supported;
    }
    return audit_machine() == 0 ? Result<void>{} : Result<void>{Error::inconsistent};
}

Returns_nothing debug_key(Vcpu &caller, uint8_t key) {
    return press_debug_key(static_cast<char>(key), caller.domain.rights);
}

Returns_value debug_histogram(Vcpu &caller, uint32_t first, uint32_t count, uint64_t offset) {
    if (RINGFOLD_DEBUG == 0) {
        return Error::not_supported;
    }
    if (count > virtual_map::gate_text.size || first > virtual_map::gate_text.size - count) {
        return Error::out_of_range;
    }
    TRY(caller.call_buffer.check(offset, uint64_t{count} * sizeof(uint32_t)));
    std::array<uint32_t, 64> chunk;
    for (uint32_t done = 0; done < count;) {
        const std::span part = std::span{chunk}.first(std::min<std::size_t>(chunk.size(), count - done));
        TRY(read_nmi_histogram(first + done, part));
        TRY(caller.call_buffer.write_array(offset + uint64_t{done} * sizeof(uint32_t),
                                           std::span<const uint32_t>{part}));
        done += static_cast<uint32_t>(part.size());
    }
    return uint64_t{gate_text_size()};
}

}  // namespace ringfold::hypercall
