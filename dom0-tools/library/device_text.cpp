// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/device_text.hpp"

namespace ringfold::tools {

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(' ');
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

Outcome<void> for_each_part(std::string_view text,
                            const std::function<Outcome<void>(std::string_view, std::size_t)> &set) {
    std::size_t position = 0;
    for (std::string_view rest = text;; ++position) {
        const std::size_t comma = rest.find(',');
        const Outcome<void> done = set(trimmed(rest.substr(0, comma)), position);
        if (!done.ok()) {
            return during(fmt::format("\"{}\"", text), done.error());
        }
        if (comma == std::string_view::npos) {
            return {};
        }
        rest.remove_prefix(comma + 1);
    }
}

}  // namespace ringfold::tools
