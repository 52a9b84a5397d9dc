// SPDX-License-Identifier: Apache-2.0
//
// A guest's memory and registers as an ELF core file, for gdb and crash. Segments have the linear addresses of the
// guest's kernel, found by walking the page tables of its first vCPU (of an ended guest: any), so that `gdb vmlinux
// core` finds what it looks for; and the pseudo-physical addresses behind them. Page tables name these, too, instead of
// machine frames, so that `crash vmlinux.debug core` walks them as it would those of a machine.
#pragma once

#include "dom0-tools/library/physical_map.hpp"

#include <filesystem>
#include <span>

namespace ringfold::tools {

struct CoreSummary {
    uint64_t pages = 0;    // in the file
    uint64_t missing = 0;  // frames that the guest has no longer; they are zeroes in the file
    uint32_t vcpus = 0;    // with registers
    std::size_t segments = 0;
};

// `built` and `map` as for read_physical_map(). The guest is paused meanwhile, if it runs.
[[nodiscard]] Outcome<CoreSummary> write_core(const Hypervisor &hypervisor, DomainId domain,
                                              std::span<const uint64_t> built, const MapPlace &map,
                                              const std::filesystem::path &path);

}  // namespace ringfold::tools
