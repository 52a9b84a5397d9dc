// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/session.hpp"

#include "dom0-tools/library/json_text.hpp"

#include <fmt/core.h>

#include <utility>

namespace ringfold::tools {

namespace {

constexpr std::size_t longest_line = std::size_t{1} << 20;

}  // namespace

void Session::read_line() {
    asio::async_read_until(socket_, asio::dynamic_buffer(input_, longest_line), '\n',
                           [self = shared_from_this()](std::error_code error, std::size_t length) {
                               if (error) {
                                   self->close();
                                   return;
                               }
                               const std::string line = self->input_.substr(0, length);
                               self->input_.erase(0, length);
                               self->handle(line);
                           });
}

void Session::handle(const std::string &line) {
    const nlohmann::json request = nlohmann::json::parse(line, nullptr, false);
    if (!request.is_object() || !request.contains("command") || !request.at("command").is_string()) {
        answer(Failure{Kind::usage, "expected a line of JSON like {\"command\": \"list\", \"arguments\": {}}"});
    } else {
        handle_request(request);
    }
    // The next request is read when this one was answered: answers keep the order of the requests.
}

void Session::handle_request(const nlohmann::json &request) {
    const auto command = request.at("command").get<std::string>();
    const nlohmann::json arguments = request.value("arguments", nlohmann::json::object());
    bool owned = false;  // what it makes goes with this session
    try {
        owned = command == "create" && arguments.value("throw_away", false);
        if (begin_stream(command, arguments)) {
            return;
        }
    } catch (const nlohmann::json::exception &exception) {
        answer(Failure{Kind::usage, exception.what()});
        return;
    }
    commands_.handle(command, arguments, [self = shared_from_this(), owned](const Outcome<nlohmann::json> &result) {
        if (owned && result.ok()) {
            self->guests_.push_back(result.value().at("key").get<std::string>());
        }
        self->answer(result);
    });
}

bool Session::begin_stream(const std::string &command, const nlohmann::json &arguments) {
    const StreamOptions options{arguments.value("follow", false), arguments.value("history", true)};
    if (command == "console") {
        auto stream = watch_console(supervisor_, arguments.at("domain").get<std::string>(), options);
        if (!stream.ok()) {
            answer(stream.error());
            return true;
        }
        stream_ = stream.take();
    } else if (command == "gdb") {
        auto stream = debug_guest(supervisor_, arguments.at("domain").get<std::string>());
        if (!stream.ok()) {
            answer(stream.error());
            return true;
        }
        stream_ = stream.take();
    } else if (command == "dmesg") {
        supervisor_.read_log();
        stream_ = watch_log(supervisor_, options);
    } else if (command == "event-log") {
        stream_ = watch_events(supervisor_, options);
    } else {
        return false;
    }
    send("{\"result\":\"stream\"}\n");
    watch_client();
    typed_ = std::exchange(input_, {});
    read_typed();
    return true;
}

void Session::answer(const Outcome<nlohmann::json> &result) {
    send(result.ok() ? fmt::format("{{\"result\":{}}}\n", json_text(result.value()))  // not copied: it may be long
                     : fmt::format("{{\"error\":{}}}\n", json_text({{"code", name_of(result.error().kind)},
                                                                    {"message", result.error().text}})));
    if (socket_.is_open()) {
        read_line();
    }
}

void Session::send(std::string bytes) {
    output_.push_back(std::move(bytes));
    if (output_.size() == 1) {
        write_next();
    }
}

void Session::write_next() {
    asio::async_write(socket_, asio::buffer(output_.front()),
                      [self = shared_from_this()](std::error_code error, std::size_t) {
                          if (error) {
                              self->close();
                              return;
                          }
                          self->output_.pop_front();
                          if (!self->output_.empty()) {
                              self->write_next();
                          } else {
                              self->pump();
                          }
                      });
}

void Session::look_again() {
    if (!stream_ || !socket_.is_open()) {
        return;
    }
    pass_typed();
    if (output_.empty()) {
        pump();
    }
}

// One piece at a time: a client that does not read holds up nobody and nothing grows.
void Session::pump() {
    if (!stream_ || !socket_.is_open()) {
        return;
    }
    std::string text = stream_->pull();
    if (!text.empty()) {
        send(std::move(text));
    } else if (stream_->is_over()) {
        close();
    }
}

// Also keeps the session while a domain has no room for what was typed, when nothing is read or written.
void Session::watch_client() {
    socket_.async_wait(Socket::wait_error, [self = shared_from_this()](std::error_code error) {
        if (error) {
            return;
        }
        self->client_is_gone_ = true;
        // What it typed before is still read, unless the domain has no room or goes with it.
        if (!self->reads_typed_ || !self->guests_.empty()) {
            self->close();
        }
    });
}

void Session::read_typed() {
    if (reads_typed_) {
        return;
    }
    pass_typed();
    if (reads_typed_ || !socket_.is_open()) {
        return;
    }
    if (!typed_.empty()) {  // goes on when the domain has room again
        if (client_is_gone_) {
            close();
        }
        return;
    }
    reads_typed_ = true;
    typed_.resize(512);
    socket_.async_read_some(asio::buffer(typed_),
                            [self = shared_from_this()](std::error_code error, std::size_t length) {
                                self->reads_typed_ = false;
                                self->typed_.resize(error ? 0 : length);
                                if (error) {
                                    self->close();
                                } else {
                                    self->read_typed();
                                }
                            });
}

void Session::pass_typed() {
    if (reads_typed_ || typed_.empty()) {
        return;
    }
    if (stream_->take(typed_)) {
        typed_.clear();
        if (output_.empty()) {
            pump();
        }
        read_typed();
        return;
    }
    supervisor_.type(stream_->typed_for(), typed_);
    if (typed_.empty()) {
        read_typed();
    }
}

void Session::close() {
    std::error_code ignored;  // it is of no use any more either way
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
    throw_guests_away();
}

// Later, for the supervisor may be in the middle of something that made it look at its sessions.
void Session::throw_guests_away() {
    asio::post(socket_.get_executor(), [&supervisor = supervisor_, guests = std::exchange(guests_, {})] {
        for (const std::string &key : guests) {
            supervisor.throw_away(key);
        }
    });
}

}  // namespace ringfold::tools
