// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/terminal.hpp"

#include <poll.h>
#include <termios.h>

#include <array>
#include <cerrno>

namespace ringfold::tools {

namespace {

// Each key as it is typed, shown by the guest only; as it was before, afterwards.
class RawTerminal {
  public:
    explicit RawTerminal(bool wanted) : active_(wanted && tcgetattr(STDIN_FILENO, &before_) == 0) {
        if (active_) {
            termios raw = before_;
            cfmakeraw(&raw);
            raw.c_oflag |= OPOST | ONLCR;
            tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        }
    }
    RawTerminal(const RawTerminal &) = delete;
    RawTerminal &operator=(const RawTerminal &) = delete;
    ~RawTerminal() {
        if (active_) {
            tcsetattr(STDIN_FILENO, TCSANOW, &before_);
        }
    }

  private:
    termios before_{};
    bool active_;
};

}  // namespace

std::string_view before_detach(std::string_view typed, bool &detached) {
    const std::size_t end = typed.find(detach_key);
    detached = end != std::string_view::npos;
    return typed.substr(0, end);
}

Outcome<StreamEnd> show_stream(Client &client, bool typing) {
    const RawTerminal raw(typing);
    TRY(write_fully(STDOUT_FILENO, client.take_rest()));
    std::array<pollfd, 2> waits{pollfd{client.descriptor(), POLLIN, 0}, pollfd{typing ? STDIN_FILENO : -1, POLLIN, 0}};
    std::array<char, 4096> bytes{};
    for (;;) {
        if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) {
            return system_failure("poll", errno);
        }
        if (waits[0].revents != 0) {
            const ssize_t length = read(client.descriptor(), bytes.data(), bytes.size());
            if (length <= 0) {
                return StreamEnd::over;
            }
            TRY(write_fully(STDOUT_FILENO, {bytes.data(), static_cast<std::size_t>(length)}));
        }
        if (waits[1].revents != 0) {
            const ssize_t length = read(STDIN_FILENO, bytes.data(), bytes.size());
            bool detached = false;
            if (length > 0) {
                TRY(write_fully(client.descriptor(),
                                before_detach({bytes.data(), static_cast<std::size_t>(length)}, detached)));
            } else {
                waits[1].fd = -1;  // nobody types any more; the stream goes on
            }
            if (detached) {
                return StreamEnd::detached;
            }
        }
    }
}

}  // namespace ringfold::tools
