// SPDX-License-Identifier: Apache-2.0
//
// A connection to hvd.
#pragma once

#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/outcome.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace ringfold::tools {

class Client {
  public:
    [[nodiscard]] static Outcome<Client> connect(const std::string &path);

    // One command and its answer; what hvd refuses is a failure of its kind.
    [[nodiscard]] Outcome<nlohmann::json> request(const std::string &command,
                                                  const nlohmann::json &arguments = nlohmann::json::object());
    [[nodiscard]] int descriptor() const { return socket_.number(); }
    // What came behind the last answer: the first bytes of a stream.
    [[nodiscard]] std::string take_rest() { return std::move(input_); }

  private:
    explicit Client(Descriptor socket) : socket_(std::move(socket)) {}
    Outcome<std::string> read_line();

    Descriptor socket_;
    std::string input_;
};

// All of it, or a failure.
Outcome<void> write_fully(int descriptor, std::string_view bytes);

}  // namespace ringfold::tools
