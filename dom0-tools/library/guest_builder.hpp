// SPDX-License-Identifier: Apache-2.0
//
// Makes a domain out of a kernel: the counterpart, by hypercalls, of the hypervisor's own builder of boot domains
// (hypervisor/domain/builder.hpp), with the same layout and the same page tables.
#pragma once

#include "dom0-tools/library/hypervisor.hpp"
#include "dom0-tools/library/kernel_image.hpp"
#include "dom0-tools/library/physical_map.hpp"

#include <string>
#include <vector>

namespace ringfold::tools {

struct GuestPlan {
    std::string name;
    FrameCount memory;
    FrameCount maximum;  // at least memory: so many it can count, of which those behind `memory` have no frame yet
    uint32_t vcpus = 1;
    uint32_t first_cpu = 0;
    std::string command_line;
    const KernelImage *kernel = nullptr;
    Bytes ramdisk;  // may be empty
    std::vector<DiskConfig> disks;
    std::vector<NetworkConfig> networks;  // with addresses
};

struct BuiltGuest {
    DomainId id;
    std::vector<uint64_t> frames;  // machine frames of pseudo-physical frames 0, 1, ...
    MapPlace map;
    ringfold_vcpu_context first_vcpu{};
    uint64_t hypercall_return = 0;
};

// Whether it can be built, as far as that can be told without trying: sizes, lengths, names.
[[nodiscard]] Outcome<void> check_plan(const GuestPlan &plan);

// A domain that waits for start_guest(). What fails leaves nothing. memory: the machine has not so much free, which is
// found out before anything is built.
[[nodiscard]] Outcome<BuiltGuest> build_guest(const Hypervisor &hypervisor, const GuestPlan &plan);

// What is said of a guest for which there is too little memory.
[[nodiscard]] Failure too_little_memory(const Hypervisor &hypervisor, FrameCount wanted);

[[nodiscard]] Outcome<void> start_guest(const Hypervisor &hypervisor, const BuiltGuest &guest);

}  // namespace ringfold::tools
