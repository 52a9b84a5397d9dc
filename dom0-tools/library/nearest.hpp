// SPDX-License-Identifier: Apache-2.0
//
// What somebody may have meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ringfold::tools {

// The known word that takes the fewest changes; empty if none is near.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

// The end of a message about an unknown word: `; did you mean "..."?`, or nothing if none is near.
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string_view> known);

// Letters to be added, left out, replaced or exchanged with their neighbour.
[[nodiscard]] std::size_t distance(std::string_view from, std::string_view to);

}  // namespace ringfold::tools
