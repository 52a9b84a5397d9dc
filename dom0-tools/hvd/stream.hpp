// SPDX-License-Identifier: Apache-2.0
//
// What a client can watch: a console, the hypervisor's log, the events; from the first byte that is kept, or from the
// end. And what it can talk to: a guest, as gdb does.
#pragma once

#include "dom0-tools/hvd/supervisor.hpp"

#include <memory>
#include <string>

namespace ringfold::tools {

class Stream {
  public:
    virtual ~Stream() = default;
    // What is there now, at most some kilobytes; nothing: there is no more yet, or ever.
    virtual std::string pull() = 0;
    [[nodiscard]] virtual bool is_over() const = 0;
    // The domain that gets what the client types; nothing: that is ignored.
    [[nodiscard]] virtual GuestReference typed_for() const { return nullptr; }
    // What the client sends, for the stream itself. False: the stream has no use for it.
    virtual bool take(std::string_view) { return false; }
};

struct StreamOptions {
    bool follow = false;  // what is still to come, too
    bool history = true;  // what was before
};

// The console of a guest through all of its lives; of one that is gone, what is left of it.
[[nodiscard]] Outcome<std::unique_ptr<Stream>> watch_console(const Supervisor &supervisor, const std::string &name,
                                                             StreamOptions options);
[[nodiscard]] std::unique_ptr<Stream> watch_console(const Supervisor &supervisor, GuestReference guest,
                                                    StreamOptions options);
[[nodiscard]] std::unique_ptr<Stream> watch_log(const Supervisor &supervisor, StreamOptions options);
// Stops the guest; it goes on when the stream is gone. busy: it is debugged already, or does not run.
[[nodiscard]] Outcome<std::unique_ptr<Stream>> debug_guest(Supervisor &supervisor, const std::string &name);
[[nodiscard]] std::unique_ptr<Stream> watch_events(const Supervisor &supervisor, StreamOptions options);

}  // namespace ringfold::tools
