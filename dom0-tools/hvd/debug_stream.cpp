// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/stream.hpp"
#include "dom0-tools/library/gdb_stub.hpp"

#include <fmt/core.h>

namespace ringfold::tools {

namespace {

// A guest's record says that it is debugged, so that an hvd that is killed meanwhile leaves no breakpoints for ever.
class Debugged {
  public:
    Debugged(Supervisor &supervisor, GuestReference guest) : supervisor_(supervisor), guest_(std::move(guest)) {
        supervisor_.set_debugged(*guest_, true);
    }
    Debugged(const Debugged &) = delete;
    Debugged &operator=(const Debugged &) = delete;
    ~Debugged() { supervisor_.set_debugged(*guest_, false); }

    [[nodiscard]] DomainId id() const { return guest_->id; }

  private:
    Supervisor &supervisor_;
    GuestReference guest_;
};

class DebugStream final : public Stream {
  public:
    DebugStream(Supervisor &supervisor, GuestReference guest)
        : debugged_(supervisor, std::move(guest)), stub_(supervisor.hypervisor(), debugged_.id()) {}
    DebugStream(const DebugStream &) = delete;
    DebugStream &operator=(const DebugStream &) = delete;
    ~DebugStream() override = default;

    [[nodiscard]] Outcome<void> attach() { return stub_.attach(); }

    std::string pull() override {
        stub_.look();
        return stub_.take_output();
    }
    [[nodiscard]] bool is_over() const override { return stub_.is_over(); }
    bool take(std::string_view bytes) override {
        stub_.receive(bytes);
        return true;
    }

  private:
    Debugged debugged_;  // longer than the stub, which leaves no breakpoint behind
    GdbStub stub_;
};

}  // namespace

Outcome<std::unique_ptr<Stream>> debug_guest(Supervisor &supervisor, const std::string &name) {
    const GuestReference guest = TRY(supervisor.find(name));
    if (guest->phase != Phase::running) {
        return Failure{Kind::busy, fmt::format("{} is {}", name, name_of(guest->phase))};
    }
    if (guest->debugged) {
        return Failure{Kind::busy, fmt::format("{} is being debugged already", name)};
    }
    auto stream = std::make_unique<DebugStream>(supervisor, guest);
    TRY(stream->attach());
    return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace ringfold::tools
