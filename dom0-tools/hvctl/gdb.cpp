// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/library/values.hpp"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ringfold::tools {

namespace {

// Where gdb is: on standard input and output, or behind a connection.
struct GdbEnds {
    int input = STDIN_FILENO;
    int output = STDOUT_FILENO;
};

// Copies what is there. False: the end.
Outcome<bool> pass_on(int from, int to) {
    std::array<char, 4096> bytes{};
    const ssize_t length = ::read(from, bytes.data(), bytes.size());
    if (length <= 0) {
        return false;
    }
    TRY(write_fully(to, {bytes.data(), static_cast<std::size_t>(length)}));
    return true;
}

// Bytes both ways until either end closes.
Outcome<void> relay(Client &client, GdbEnds gdb) {
    TRY(write_fully(gdb.output, client.take_rest()));
    std::array<pollfd, 2> waits{pollfd{client.descriptor(), POLLIN, 0}, pollfd{gdb.input, POLLIN, 0}};
    for (;;) {
        if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) {
            return system_failure("poll", errno);
        }
        if (waits[0].revents != 0 && !TRY(pass_on(client.descriptor(), gdb.output))) {
            return {};
        }
        if (waits[1].revents != 0 && !TRY(pass_on(gdb.input, client.descriptor()))) {
            return {};
        }
    }
}

// "1234" is a port of this machine only; "0.0.0.0:1234" one for everybody who can reach it.
Outcome<sockaddr_in> parse_place(const std::string &text) {
    const std::size_t colon = text.rfind(':');
    const std::string address = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon);
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(static_cast<uint16_t>(
        TRY(parse_number(colon == std::string::npos ? text : text.substr(colon + 1), 1, UINT16_MAX))));
    if (::inet_pton(AF_INET, address.c_str(), &place.sin_addr) != 1) {
        return Failure{Kind::usage, fmt::format("{}: expected an IPv4 address and a port, or a port", text)};
    }
    return place;
}

void show_place(const Context &context, const std::string &text, const sockaddr_in &place) {
    if (!context.json) {
        fmt::print(stderr, "waiting for gdb: target remote {}\n", text);
        return;
    }
    std::array<char, INET_ADDRSTRLEN> address{};
    ::inet_ntop(AF_INET, &place.sin_addr, address.data(), address.size());
    context.show({{"address", address.data()}, {"port", ntohs(place.sin_port)}}, nothing);
    std::fflush(stdout);
}

// The first one who connects.
Outcome<Descriptor> accept_one(const Context &context, const std::string &text) {
    const sockaddr_in place = TRY(parse_place(text));
    const Descriptor listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    if (!listening.is_open() || ::setsockopt(listening.number(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(listening.number(), reinterpret_cast<const sockaddr *>(&place), sizeof place) != 0 ||
        ::listen(listening.number(), 1) != 0) {
        return system_failure(text, errno);
    }
    show_place(context, text, place);
    Descriptor connection(::accept4(listening.number(), nullptr, nullptr, SOCK_CLOEXEC));
    return connection.is_open() ? Outcome<Descriptor>{std::move(connection)} : system_failure(text, errno);
}

struct GdbOptions {
    std::string domain;
    std::string place;  // empty: standard input and output
};

Outcome<void> debug(const Context &context, const GdbOptions &options) {
    if (context.json && options.place.empty()) {
        return Failure{Kind::usage, "--json says where gdb connects: with --listen"};
    }
    Descriptor connection;
    GdbEnds gdb;
    if (!options.place.empty()) {
        connection = TRY(accept_one(context, options.place));
        gdb = {connection.number(), connection.number()};
    }
    Client client = TRY(context.connect());
    TRY(client.request("gdb", {{"domain", options.domain}}));
    return relay(client, gdb);
}

}  // namespace

void add_gdb_command(CLI::App &app, Context &context) {
    const auto options = std::make_shared<GdbOptions>();
    CLI::App *command = add_command(app, context, "gdb", "let gdb debug a guest: target remote | hvctl gdb DOMAIN",
                                    [&context, options] { return debug(context, *options); });
    command->add_option("DOMAIN", options->domain, "name or number; it stops, and goes on when gdb has gone")
        ->required();
    command->add_option("-l,--listen", options->place, "[ADDRESS:]PORT on which gdb connects, instead of a pipe");
}

}  // namespace ringfold::tools
