// SPDX-License-Identifier: Apache-2.0
//
// Which build this is: the linker's SHA-1 over the image, and the compiler's name.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringfold {

[[nodiscard]] std::span<const uint8_t> build_id();

// Its first eight bytes as a number that prints in the order of the bytes.
[[nodiscard]] uint64_t build_id_prefix();

[[nodiscard]] std::string_view version_text();
[[nodiscard]] std::string_view compiler_text();

}  // namespace ringfold
