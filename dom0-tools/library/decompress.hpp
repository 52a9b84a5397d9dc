// SPDX-License-Identifier: Apache-2.0
//
// Compressed streams as Linux packs its kernel: gzip, xz, lz4 (the legacy frame) and zstd, told apart by their first
// bytes. What follows the end of a stream is left alone: Linux appends the size.
#pragma once

#include "dom0-tools/library/outcome.hpp"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace ringfold::tools {

using Bytes = std::span<const std::byte>;

// What the first bytes say; empty: nothing known.
[[nodiscard]] std::string_view compression_of(Bytes stream);

// At most `limit` bytes come out, or it is refused.
[[nodiscard]] Outcome<std::vector<std::byte>> decompress(Bytes stream, std::size_t limit);

}  // namespace ringfold::tools
