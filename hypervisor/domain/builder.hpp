// SPDX-License-Identifier: Apache-2.0
//
// Makes a domain out of a kernel image and lets it run.
#pragma once

#include "hypervisor/domain/rights.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <ringfold/event.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ringfold {

struct DomainConfiguration {
    std::string_view name;
    FrameCount memory;
    // Pseudo-physical frames are to be machine frames, for a domain with devices; memory is rounded up to whole
    // extents.
    bool is_identical = false;
    bool is_control = false;        // dom0: the machine ends with it
    bool restarts_machine = false;  // what a crash of the control domain does, rather than stop the machine
    Rights rights;
    uint32_t port_limit = RINGFOLD_EVENT_DEFAULT_LIMIT;
    uint32_t vcpus = 1;
    CpuId first_cpu;  // vCPU n runs on CPU (first_cpu + n) modulo the number of CPUs
    std::string_view command_line;
    std::span<const std::byte> kernel;  // ELF64
    std::span<const std::byte> module;  // may be empty

    [[nodiscard]] FrameCount maximum() const {
        return is_identical ? FrameCount{align_up(memory.raw(), frames_per_extent)} : memory;
    }
};

// Errors are logged with what was wrong; a domain that could not be built leaves nothing behind.
[[nodiscard]] Result<void> build_domain(DomainId id, const DomainConfiguration &configuration);

// start_info.flags, and the answer to hypercall version's query 1.
[[nodiscard]] uint64_t start_flags();

}  // namespace ringfold
