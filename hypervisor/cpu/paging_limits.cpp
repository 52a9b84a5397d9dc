// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/paging_limits.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/lib/log.hpp"

namespace ringfold {

namespace {

uint64_t read_capabilities() {
    constexpr uint32_t msr_arch_capabilities = 0x10a;
    constexpr uint32_t capabilities_exist = uint32_t{1} << 29;  // CPUID.07H.0:EDX
    const bool exist = cpuid(0).eax >= 7 && (cpuid(7).edx & capabilities_exist) != 0;
    return exist ? read_msr(msr_arch_capabilities) : 0;
}

}  // namespace

void initialise_paging_limits() {
    const CpuFeatures &features = this_cpu().features;
    const PagingLimits limits = choose_paging_limits({.is_intel = features.vendor() == "GenuineIntel",
                                                      .physical_address_bits = features.physical_address_bits,
                                                      .capabilities = read_capabilities()});
    if (!limits.big_pages_executable) {
        log_info("processor: may have the iTLB multihit erratum; 2 MiB mappings must be no-execute");
    }
    set_paging_limits(limits);
}

}  // namespace ringfold
