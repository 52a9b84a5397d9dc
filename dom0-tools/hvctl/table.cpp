// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/table.hpp"

#include <algorithm>

namespace ringfold::tools {

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (std::size_t column = 0; column < columns_.size(); ++column) {
        std::size_t width = columns_[column].title.size();
        for (const auto &row : rows_) {
            width = std::max(width, row[column].size());
        }
        widths.push_back(width);
    }
    std::string text;
    const auto add_line = [&](const auto &cell_of) {
        std::string line;
        for (std::size_t column = 0; column < columns_.size(); ++column) {
            const std::string &cell = cell_of(column);
            const std::size_t missing = widths[column] - cell.size();
            line.append(columns_[column].right ? missing : 0, ' ');
            line += cell;
            line.append((columns_[column].right ? 0 : missing) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    };
    add_line([&](std::size_t column) -> const std::string & { return columns_[column].title; });
    for (const auto &row : rows_) {
        add_line([&](std::size_t column) -> const std::string & { return row[column]; });
    }
    return text;
}

std::string number(const nlohmann::json &row, const char *key) { return std::to_string(row.value(key, uint64_t{0})); }

}  // namespace ringfold::tools
