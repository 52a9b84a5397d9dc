// SPDX-License-Identifier: Apache-2.0
//
// One client of hvd's socket: lines of JSON, until it asks to watch something; then bytes both ways.
#pragma once

#include "dom0-tools/hvd/commands.hpp"
#include "dom0-tools/hvd/stream.hpp"

#include <asio.hpp>

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace ringfold::tools {

class Session : public std::enable_shared_from_this<Session> {
  public:
    using Socket = asio::local::stream_protocol::socket;

    Session(Socket socket, Supervisor &supervisor, Commands &commands)
        : socket_(std::move(socket)), supervisor_(supervisor), commands_(commands) {}

    void start() { read_line(); }
    // Output or states may have changed.
    void look_again();
    [[nodiscard]] bool is_open() const { return socket_.is_open(); }

  private:
    void read_line();
    void handle(const std::string &line);
    void handle_request(const nlohmann::json &request);
    bool begin_stream(const std::string &command, const nlohmann::json &arguments);
    void answer(const Outcome<nlohmann::json> &result);
    void send(std::string bytes);
    void write_next();
    void pump();
    void watch_client();
    void read_typed();
    void pass_typed();
    void close();
    void throw_guests_away();

    Socket socket_;
    Supervisor &supervisor_;
    Commands &commands_;
    std::string input_;
    std::deque<std::string> output_;
    std::unique_ptr<Stream> stream_;
    std::vector<std::string> guests_;  // keys of those that go with this session
    std::string typed_;                // not yet taken by the domain
    bool reads_typed_ = false;
    bool client_is_gone_ = false;
};

}  // namespace ringfold::tools
