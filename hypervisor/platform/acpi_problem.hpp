// SPDX-License-Identifier: Apache-2.0
//
// Why a firmware table was refused. Firmware is often wrong somewhere and a machine still has to boot, so every parser
// notes what it found in a list that is printed once, and returns an error for what it cannot use.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/platform/bounded_list.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace ringfold {

// The four characters that name an ACPI table.
class AcpiSignature {
  public:
    constexpr AcpiSignature() = default;
    constexpr explicit AcpiSignature(std::string_view text) {
        for (std::size_t i = 0; i < characters_.size() && i < text.size(); ++i) {
            // Garbage from a broken table must not reach a terminal.
            characters_[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
        }
    }
    [[nodiscard]] constexpr std::string_view text() const { return {characters_.data(), characters_.size()}; }
    constexpr bool operator==(const AcpiSignature &) const = default;

  private:
    std::array<char, 4> characters_{'?', '?', '?', '?'};
};

struct AcpiProblem {
    AcpiSignature table;
    std::string_view reason;
};

class AcpiProblems {
  public:
    // Notes a problem with what was read; parsing goes on without the piece.
    constexpr void note(AcpiSignature table, std::string_view reason) {
        if (!list_.append({table, reason})) {
            ++dropped_;
        }
    }
    // Notes why a table cannot be used at all.
    [[nodiscard]] constexpr Error refuse(AcpiSignature table, std::string_view reason) {
        note(table, reason);
        return Error::malformed;
    }
    [[nodiscard]] constexpr std::span<const AcpiProblem> list() const { return list_.view(); }
    [[nodiscard]] constexpr std::size_t dropped() const { return dropped_; }

  private:
    BoundedList<AcpiProblem, 32> list_;
    std::size_t dropped_ = 0;
};

}  // namespace ringfold
