// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/stream.hpp"

#include "dom0-tools/library/values.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

namespace ringfold::tools {

namespace {

constexpr std::size_t at_once = 16384;

// The next bytes of a log; says so where some are missing.
std::string pull_from(const OutputLog &log, uint64_t &position) {
    const Outcome<OutputPart> part =
        position < log.end() ? log.read(position, at_once) : Outcome<OutputPart>{Failure{}};
    if (!part.ok()) {
        return {};
    }
    std::string text =
        part.value().begin > position ? fmt::format("\n[{} bytes are lost]\n", part.value().begin - position) : "";
    position = part.value().next;
    return text + part.value().text;
}

class LogStream final : public Stream {
  public:
    LogStream(const OutputLog &log, StreamOptions options)
        : log_(log), position_(options.history ? 0 : log.end()), end_(options.follow ? ~uint64_t{0} : log.end()) {}

    std::string pull() override { return pull_from(log_, position_); }
    [[nodiscard]] bool is_over() const override { return position_ >= end_; }

  private:
    const OutputLog &log_;
    uint64_t position_;
    uint64_t end_;
};

class ConsoleStream final : public Stream {
  public:
    ConsoleStream(GuestReference guest, OutputLimits limits, StreamOptions options)
        : guest_(std::move(guest)), limits_(limits), follow_(options.follow) {
        if (!options.history) {
            life_ = guest_->life;
            position_ = guest_->console ? guest_->console->end() : 0;
        }
    }

    std::string pull() override {
        while (life_ < guest_->life) {
            std::string text = pull_old_life();
            if (!text.empty()) {
                return text;
            }
            ++life_;
            position_ = 0;
        }
        return guest_->console ? pull_from(*guest_->console, position_) : std::string{};
    }

    [[nodiscard]] bool is_over() const override {
        const bool at_end = life_ == guest_->life && (!guest_->console || position_ >= guest_->console->end());
        return at_end && (!follow_ || !may_say_more());
    }

    [[nodiscard]] GuestReference typed_for() const override { return guest_->has_domain() ? guest_ : nullptr; }

  private:
    [[nodiscard]] bool may_say_more() const {
        switch (guest_->phase) {
            case Phase::building:
            case Phase::running:
            case Phase::restarting:
                return true;
            case Phase::ended:
            case Phase::dying:
                return false;
        }
        return false;
    }

    std::string pull_old_life() {
        const auto log = OutputLog::open(guest_->directory, fmt::format("console-{}", life_), limits_);
        return log.ok() ? pull_from(log.value(), position_) : std::string{};
    }

    GuestReference guest_;
    OutputLimits limits_;
    bool follow_;
    uint64_t life_ = 1;
    uint64_t position_ = 0;
};

// The last one for which there is a log.
uint64_t last_life(const std::filesystem::path &directory) {
    constexpr std::string_view stem = "console-";
    uint64_t last = 1;
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(directory, error)) {
        const std::string name = entry.path().filename();
        const std::size_t dot = name.find('.');
        if (name.starts_with(stem) && dot != std::string::npos) {
            const auto life =
                parse_number(std::string_view{name}.substr(stem.size(), dot - stem.size()), 1, ~uint64_t{0});
            last = std::max(last, life.ok() ? life.value() : 1);
        }
    }
    return last;
}

// Of a guest that is gone: the newest folder of its name.
Outcome<GuestReference> find_gone(const Supervisor &supervisor, const std::string &name) {
    const auto guest = std::make_shared<Guest>();
    std::filesystem::file_time_type newest{};
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(supervisor.environment().log_directory, error)) {
        const std::string folder = entry.path().filename();
        const bool named = folder.starts_with(name + "-") && folder.size() > name.size() + 1 &&
                           std::isdigit(static_cast<unsigned char>(folder[name.size() + 1])) != 0;
        if (named && entry.is_directory() && (guest->key.empty() || entry.last_write_time(error) > newest)) {
            newest = entry.last_write_time(error);
            guest->key = folder;
            guest->directory = entry.path();
        }
    }
    if (guest->key.empty()) {
        return Failure{Kind::not_found, fmt::format("there is no domain {}, and no log of one", name)};
    }
    guest->name = name;
    guest->phase = Phase::dying;
    guest->life = last_life(guest->directory);
    guest->console.emplace(TRY(OutputLog::open(guest->directory, guest->console_stem())));
    return guest;
}

}  // namespace

Outcome<std::unique_ptr<Stream>> watch_console(const Supervisor &supervisor, const std::string &name,
                                               StreamOptions options) {
    Outcome<GuestReference> guest = supervisor.find(name);
    if (!guest.ok() && guest.error().kind == Kind::not_found) {
        guest = find_gone(supervisor, name);
    }
    if (!guest.ok()) {
        return guest.error();
    }
    return watch_console(supervisor, guest.take(), options);
}

std::unique_ptr<Stream> watch_console(const Supervisor &supervisor, GuestReference guest, StreamOptions options) {
    return std::make_unique<ConsoleStream>(std::move(guest), supervisor.environment().output_limits, options);
}

std::unique_ptr<Stream> watch_log(const Supervisor &supervisor, StreamOptions options) {
    return std::make_unique<LogStream>(supervisor.log(), options);
}

std::unique_ptr<Stream> watch_events(const Supervisor &supervisor, StreamOptions options) {
    return std::make_unique<LogStream>(supervisor.events(), options);
}

}  // namespace ringfold::tools
