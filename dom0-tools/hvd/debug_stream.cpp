// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/stream.hpp"
#include "dom0-tools/library/gdb_stub.hpp"

#include <fmt/core.h>

namespace ringfold::tools {

namespace {

class DebugStream final : public Stream {
  public:
    DebugStream(const Hypervisor &hypervisor, GuestReference guest)
        : guest_(std::move(guest)), stub_(hypervisor, guest_->id) {
        guest_->debugged = true;
    }
    DebugStream(const DebugStream &) = delete;
    DebugStream &operator=(const DebugStream &) = delete;
    ~DebugStream() override { guest_->debugged = false; }

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
    GuestReference guest_;
    GdbStub stub_;
};

}  // namespace

Outcome<std::unique_ptr<Stream>> debug_guest(const Supervisor &supervisor, const std::string &name) {
    const GuestReference guest = TRY(supervisor.find(name));
    if (guest->phase != Phase::running) {
        return Failure{Kind::busy, fmt::format("{} is {}", name, name_of(guest->phase))};
    }
    if (guest->debugged) {
        return Failure{Kind::busy, fmt::format("{} is being debugged already", name)};
    }
    auto stream = std::make_unique<DebugStream>(supervisor.hypervisor(), guest);
    TRY(stream->attach());
    return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace ringfold::tools
