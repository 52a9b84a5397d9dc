// SPDX-License-Identifier: Apache-2.0
//
// The birth of a domain: a description and vCPUs that are all offline, no memory yet.
#pragma once

#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/domain/rights.hpp"

#include <string_view>

namespace ringfold {

struct DomainDescription {
    std::string_view name;
    FrameCount maximum;
    Rights rights;
    uint32_t vcpus = 1;
    CpuId first_cpu;                // vCPU n begins on CPU (first_cpu + n) modulo the number of CPUs
    bool is_control = false;        // the machine ends with it
    bool restarts_machine = false;  // when it crashes
    bool is_kept = false;           // once ended, until who controls it destroys it
    bool console_is_logged = true;
};

// already_exists: the number is taken; out_of_memory. Nothing is left behind then.
[[nodiscard]] Result<DomainReference> create_domain(DomainId id, const DomainDescription &description);

}  // namespace ringfold
