// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/lib/symbol_table.hpp"

#include <algorithm>

namespace ringfold {

std::optional<Symbol> SymbolTable::find(uint64_t address) const {
    constexpr uint64_t farthest = uint64_t{16} << 20;
    const auto above = std::upper_bound(addresses_.begin(), addresses_.end(), address);
    if (above == addresses_.begin()) {
        return std::nullopt;
    }
    const auto index = static_cast<std::size_t>(above - addresses_.begin()) - 1;
    const uint64_t offset = address - addresses_[index];
    if (offset >= farthest) {
        return std::nullopt;
    }
    return Symbol{names_ + name_offsets_[index], offset};
}

}  // namespace ringfold
