// SPDX-License-Identifier: Apache-2.0
//
// What the processor offers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ringfold {

struct CpuFeatures {
    // Used where present.
    bool process_context_ids = false;  // PCID
    bool gigabyte_pages = false;
    bool execution_prevention = false;    // SMEP
    bool instruction_prevention = false;  // UMIP
    bool x2apic = false;
    bool tsc_deadline = false;
    bool invariant_tsc = false;
    bool rdtscp = false;
    // Required, checked again after the 32-bit entry did.
    bool no_execute = false;
    bool fsgsbase = false;
    bool xsave = false;

    unsigned physical_address_bits = 36;
    std::array<char, 12> vendor_text{};
    std::array<char, 48> brand_text{};

    [[nodiscard]] std::string_view vendor() const { return {vendor_text.data(), vendor_text.size()}; }
    // "" if the processor does not say.
    [[nodiscard]] std::string_view brand() const;
};

[[nodiscard]] CpuFeatures detect_features();

// One feature as the boot log shows it.
struct NamedFeature {
    std::string_view name;
    bool present;
};
[[nodiscard]] std::array<NamedFeature, 11> list_features(const CpuFeatures &features);

}  // namespace ringfold
