// SPDX-License-Identifier: Apache-2.0
//
// Rows in columns.
#pragma once

#include <string>
#include <vector>

namespace ringfold::tools {

struct Column {
    std::string title;
    bool right = false;  // numbers stand at the right
};

class Table {
  public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] std::string text() const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace ringfold::tools
