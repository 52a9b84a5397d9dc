// SPDX-License-Identifier: Apache-2.0
//
// Pseudo-terminals, one for each guest, so that what speaks to a serial line speaks to a guest's console: screen,
// minicom, expect. Who opens one sees all that is kept of the console, and what comes, and types. While nobody has it
// open, nothing is written to it: a terminal keeps a few kilobytes only.
#pragma once

#include "dom0-tools/hvd/stream.hpp"

#include <asio.hpp>

#include <array>
#include <map>
#include <memory>
#include <string>

namespace ringfold::tools {

class ConsoleTerminal : public std::enable_shared_from_this<ConsoleTerminal> {
  public:
    ConsoleTerminal(asio::io_context &io, Supervisor &supervisor, GuestReference guest)
        : master_(io), supervisor_(supervisor), guest_(std::move(guest)) {}

    // not_found: there are no pseudo-terminals here.
    Outcome<void> open();
    [[nodiscard]] const std::string &path() const { return path_; }
    [[nodiscard]] const Guest &guest() const { return *guest_; }
    // Somebody has opened it.
    void attach();
    // There may be more output, or room for what was typed.
    void look_again();
    // The guest is gone: who has it open sees it hang up.
    void close();

  private:
    void pump();
    void read_typed();
    void pass_typed();
    void detach();
    [[nodiscard]] bool is_used();

    asio::posix::stream_descriptor master_;
    Supervisor &supervisor_;
    GuestReference guest_;
    std::string path_;
    std::unique_ptr<Stream> stream_;  // while somebody has it open
    std::string output_;              // being written
    std::string typed_;               // not yet taken by the domain
    bool reads_ = false;
};

// Those of all guests, but throw-away ones. Their paths are also the targets of links, by the guests' names.
class ConsoleTerminals {
  public:
    ConsoleTerminals(asio::io_context &io, Supervisor &supervisor)
        : io_(io),
          supervisor_(supervisor),
          opened_(io),
          directory_(supervisor.environment().run_directory / "consoles") {}

    // Where they cannot be, hvd goes on without them, and notes it.
    void start();
    // Guests or their output may have changed.
    void look_again();

  private:
    struct Place {
        std::shared_ptr<ConsoleTerminal> terminal;  // nothing: it could not be made
        std::filesystem::path link;
        int watch = -1;
    };

    void wait_for_opening();
    void attach_all();
    Place make(const GuestReference &guest);
    void remove(const Place &place);
    void link(Place &place, const std::string &name);

    asio::io_context &io_;
    Supervisor &supervisor_;
    asio::posix::stream_descriptor opened_;  // of inotify
    std::filesystem::path directory_;
    std::map<std::string, Place> places_;  // by the guests' keys
    alignas(8) std::array<char, 4096> events_{};
};

}  // namespace ringfold::tools
