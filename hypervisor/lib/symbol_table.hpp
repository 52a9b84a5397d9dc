// SPDX-License-Identifier: Apache-2.0
//
// Names for code addresses. The build makes the table from the linked image (scripts/build/symbol_table.py).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ringfold {

struct Symbol {
    std::string_view name;
    uint64_t offset;  // of the address from the symbol
};

class SymbolTable {
  public:
    // Ascending addresses; for each, where its zero-terminated name begins in `names`.
    constexpr SymbolTable(std::span<const uint64_t> addresses, std::span<const uint32_t> name_offsets,
                          const char *names)
        : addresses_(addresses), name_offsets_(name_offsets), names_(names) {}

    // The last symbol at or below `address`; nothing below the first one, or 16 MiB and more behind the last.
    [[nodiscard]] std::optional<Symbol> find(uint64_t address) const;

  private:
    std::span<const uint64_t> addresses_;
    std::span<const uint32_t> name_offsets_;
    const char *names_;
};

}  // namespace ringfold
