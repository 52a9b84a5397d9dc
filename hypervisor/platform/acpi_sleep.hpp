// SPDX-License-Identifier: Apache-2.0
//
// The value that powers the machine off. It stands in AML, in the DSDT's object \_S5; we have no AML interpreter, but
// practically every firmware writes that object as one constant package, which can be recognised byte by byte. Where it
// cannot, powering off is left to dom0.
#pragma once

#include "hypervisor/platform/acpi_problem.hpp"
#include "hypervisor/platform/physical_reader.hpp"

#include <cstdint>
#include <optional>

namespace ringfold {

struct SoftOffType {
    uint8_t pm1a = 0;  // SLP_TYP for PM1a_CNT
    uint8_t pm1b = 0;
};

[[nodiscard]] std::optional<SoftOffType> find_soft_off_type(ByteSpan dsdt);

}  // namespace ringfold
