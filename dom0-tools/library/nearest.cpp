// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/nearest.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace ringfold::tools {

std::size_t distance(std::string_view from, std::string_view to) {
    const std::size_t width = to.size() + 1;
    std::vector<std::size_t> cost((from.size() + 1) * width);
    for (std::size_t i = 0; i <= from.size(); ++i) {
        for (std::size_t j = 0; j <= to.size(); ++j) {
            std::size_t &best = cost[i * width + j];
            if (i == 0 || j == 0) {
                best = i + j;
                continue;
            }
            const bool same = from[i - 1] == to[j - 1];
            best = std::min({cost[(i - 1) * width + j] + 1, cost[i * width + j - 1] + 1,
                             cost[(i - 1) * width + j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
                best = std::min(best, cost[(i - 2) * width + j - 2] + 1);
            }
        }
    }
    return cost.back();
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
    std::string_view found;
    std::size_t least = std::max<std::size_t>(2, word.size() / 2) + 1;
    for (const std::string_view candidate : known) {
        // One that begins with the word is as good as one change.
        const bool begins = word.size() >= 3 && candidate.starts_with(word);
        const std::size_t changes = begins ? 1 : distance(word, candidate);
        if (changes < least) {
            least = changes;
            found = candidate;
        }
    }
    return found;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> known) {
    const std::string_view close = nearest(word, known);
    return close.empty() ? std::string{} : fmt::format("; did you mean \"{}\"?", close);
}

}  // namespace ringfold::tools
