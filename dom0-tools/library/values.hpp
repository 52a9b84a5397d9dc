// SPDX-License-Identifier: Apache-2.0
//
// Values as people write them.
#pragma once

#include "dom0-tools/library/outcome.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace ringfold::tools {

// MiB, from a number of them, or a number with K, M, G or T (powers of 1024) behind it.
[[nodiscard]] Outcome<uint64_t> parse_mebibytes(std::string_view text);

// "0-3,^1,6", "all"; CPUs 0 to 63.
[[nodiscard]] Outcome<uint64_t> parse_cpus(std::string_view text);
[[nodiscard]] std::string format_cpus(uint64_t set);  // "0,2-3"; "all" if all 64 are in it

[[nodiscard]] Outcome<uint64_t> parse_number(std::string_view text, uint64_t least, uint64_t most);

// Bytes a second, from a whole number of bits or bytes in xl's units: "10Mb/s", "1MB/s" (powers of 1000).
[[nodiscard]] Outcome<uint64_t> parse_rate(std::string_view text);

[[nodiscard]] std::string format_seconds(uint64_t nanoseconds);  // "12.3"

}  // namespace ringfold::tools
