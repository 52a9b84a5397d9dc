// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/client.hpp"

#include "dom0-tools/library/json_text.hpp"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace ringfold::tools {

namespace {

Failure lost(std::string_view why) { return {Kind::connection, fmt::format("the connection to hvd is lost: {}", why)}; }

}  // namespace

Outcome<void> write_fully(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return lost(std::strerror(errno));
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Outcome<Client> Client::connect(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return Failure{Kind::usage, fmt::format("{}: too long for the path of a socket", path)};
    }
    path.copy(address.sun_path, path.size());
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open() ||
        ::connect(socket.number(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        const bool denied = errno == EACCES || errno == EPERM;
        return Failure{denied ? Kind::permission : Kind::connection,
                       fmt::format("no connection to hvd at {}: {}{}", path, std::strerror(errno),
                                   denied ? " (only root may)" : ". Is hvd running? `hvd --background` starts it")};
    }
    return Client(std::move(socket));
}

Outcome<std::string> Client::read_line() {
    for (;;) {
        if (const std::size_t end = input_.find('\n'); end != std::string::npos) {
            std::string line = input_.substr(0, end);
            input_.erase(0, end + 1);
            return line;
        }
        char some[4096];
        const ssize_t length = read(socket_.number(), some, sizeof some);
        if (length < 0 && errno == EINTR) {
            continue;
        }
        if (length <= 0) {
            return lost(length == 0 ? "it ended" : std::strerror(errno));
        }
        input_.append(some, static_cast<std::size_t>(length));
    }
}

Outcome<nlohmann::json> Client::request(const std::string &command, const nlohmann::json &arguments) {
    const nlohmann::json request{{"command", command}, {"arguments", arguments}};
    TRY(write_fully(socket_.number(), json_text(request) + "\n"));
    const std::string line = TRY(read_line());
    nlohmann::json answer = nlohmann::json::parse(line, nullptr, false);
    if (answer.is_object() && answer.contains("result")) {
        return std::move(answer.at("result"));
    }
    if (!answer.is_object() || !answer.contains("error")) {
        return lost("hvd answered something that is no answer");
    }
    const nlohmann::json &error = answer.at("error");
    return Failure{kind_named(error.value("code", "")).value_or(Kind::failed), error.value("message", "")};
}

}  // namespace ringfold::tools
