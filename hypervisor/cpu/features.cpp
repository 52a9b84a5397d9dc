// SPDX-License-Identifier: Apache-2.0
//
// CPUID bits: Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E.
#include "hypervisor/cpu/features.hpp"

#include "hypervisor/cpu/registers.hpp"

namespace ringfold {

namespace {

[[nodiscard]] constexpr bool bit(uint32_t word, unsigned index) { return ((word >> index) & 1) != 0; }

void read_brand(std::array<char, 48> &text) {
    for (uint32_t part = 0; part < 3; ++part) {
        const CpuidResult leaf = cpuid(0x8000'0002 + part);
        static_assert(sizeof leaf == 16);
        __builtin_memcpy(text.data() + part * sizeof leaf, &leaf, sizeof leaf);
    }
}

}  // namespace

std::string_view CpuFeatures::brand() const {
    std::string_view text{brand_text.data(), brand_text.size()};
    text = text.substr(0, text.find('\0'));
    while (!text.empty() && text.front() == ' ') {
        text.remove_prefix(1);
    }
    return text;
}

CpuFeatures detect_features() {
    CpuFeatures features;
    const CpuidResult basic = cpuid(0);
    __builtin_memcpy(features.vendor_text.data(), &basic.ebx, 4);
    __builtin_memcpy(features.vendor_text.data() + 4, &basic.edx, 4);
    __builtin_memcpy(features.vendor_text.data() + 8, &basic.ecx, 4);

    const CpuidResult one = cpuid(1);
    features.process_context_ids = bit(one.ecx, 17);
    features.x2apic = bit(one.ecx, 21);
    features.tsc_deadline = bit(one.ecx, 24);
    features.xsave = bit(one.ecx, 26);
    if (basic.eax >= 7) {
        const CpuidResult seven = cpuid(7, 0);
        features.fsgsbase = bit(seven.ebx, 0);
        features.execution_prevention = bit(seven.ebx, 7);
        features.instruction_prevention = bit(seven.ecx, 2);
    }

    const uint32_t last_extended = cpuid(0x8000'0000).eax;
    if (last_extended >= 0x8000'0001) {
        const CpuidResult extended = cpuid(0x8000'0001);
        features.no_execute = bit(extended.edx, 20);
        features.gigabyte_pages = bit(extended.edx, 26);
        features.rdtscp = bit(extended.edx, 27);
    }
    if (last_extended >= 0x8000'0004) {
        read_brand(features.brand_text);
    }
    if (last_extended >= 0x8000'0007) {
        features.invariant_tsc = bit(cpuid(0x8000'0007).edx, 8);
    }
    if (last_extended >= 0x8000'0008) {
        features.physical_address_bits = cpuid(0x8000'0008).eax & 0xff;
    }
    return features;
}

std::array<NamedFeature, 11> list_features(const CpuFeatures &features) {
    return {{
        {"NX", features.no_execute},
        {"FSGSBASE", features.fsgsbase},
        {"XSAVE", features.xsave},
        {"SMEP", features.execution_prevention},
        {"UMIP", features.instruction_prevention},
        {"PCID", features.process_context_ids},
        {"1 GiB pages", features.gigabyte_pages},
        {"x2APIC", features.x2apic},
        {"TSC deadline", features.tsc_deadline},
        {"invariant TSC", features.invariant_tsc},
        {"RDTSCP", features.rdtscp},
    }};
}

}  // namespace ringfold
