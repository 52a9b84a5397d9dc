// SPDX-License-Identifier: Apache-2.0
//
// Rows in columns.
#pragma once

#include <nlohmann/json.hpp>

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

// A number of a row that hvd has answered, 0 if it is not there.
[[nodiscard]] std::string number(const nlohmann::json &row, const char *key);

}  // namespace ringfold::tools
