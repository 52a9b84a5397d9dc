// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/console_terminal.hpp"

#include "dom0-tools/library/descriptor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <termios.h>
#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ringfold::tools {

Outcome<void> ConsoleTerminal::open() {
    Descriptor master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    char name[64];
    if (!master.is_open() || grantpt(master.number()) != 0 || unlockpt(master.number()) != 0 ||
        ptsname_r(master.number(), name, sizeof name) != 0) {
        return system_failure("a pseudo-terminal", errno);
    }
    // The guest echoes and edits what is typed. At the master's end these are the settings of the other one.
    termios settings{};
    tcgetattr(master.number(), &settings);
    cfmakeraw(&settings);
    if (tcsetattr(master.number(), TCSANOW, &settings) != 0) {
        return system_failure(name, errno);
    }
    path_ = name;
    master_.assign(master.release());
    return {};
}

void ConsoleTerminal::attach() {
    if (stream_ || !master_.is_open()) {
        return;
    }
    stream_ = watch_console(supervisor_, guest_, {.follow = true, .history = true});
    read_typed();
    pump();
}

void ConsoleTerminal::look_again() {
    if (stream_) {
        pass_typed();
        pump();
    }
}

// One piece at a time: who does not read holds up nobody, and nothing grows.
void ConsoleTerminal::pump() {
    if (!stream_ || !output_.empty()) {
        return;
    }
    output_ = stream_->pull();
    if (output_.empty()) {
        return;
    }
    asio::async_write(master_, asio::buffer(output_), [self = shared_from_this()](std::error_code error, std::size_t) {
        self->output_.clear();
        if (!error) {
            self->pump();
        }
    });
}

void ConsoleTerminal::read_typed() {
    if (reads_ || !stream_ || !typed_.empty()) {
        return;
    }
    reads_ = true;
    typed_.resize(512);
    master_.async_read_some(asio::buffer(typed_),
                            [self = shared_from_this()](std::error_code error, std::size_t length) {
                                self->reads_ = false;
                                self->typed_.resize(error ? 0 : length);
                                if (error) {  // EIO: nobody has it open any more
                                    self->detach();
                                } else {
                                    self->pass_typed();
                                }
                            });
}

void ConsoleTerminal::pass_typed() {
    if (reads_ || !stream_) {
        return;
    }
    supervisor_.type(stream_->typed_for(), typed_);
    read_typed();
}

bool ConsoleTerminal::is_used() {
    pollfd state{.fd = master_.native_handle(), .events = 0, .revents = 0};
    return ::poll(&state, 1, 0) >= 0 && (state.revents & POLLHUP) == 0;
}

// What was not read is not for the next one, who gets it from the log.
void ConsoleTerminal::detach() {
    stream_.reset();
    typed_.clear();
    if (!master_.is_open()) {
        return;
    }
    std::error_code ignored;  // there may be nothing to cancel
    master_.cancel(ignored);
    tcflush(master_.native_handle(), TCIOFLUSH);
    // Somebody else may have opened it meanwhile: after the writing has ended.
    asio::post(master_.get_executor(), [self = shared_from_this()] {
        if (self->master_.is_open() && self->is_used()) {
            self->attach();
        }
    });
}

void ConsoleTerminal::close() {
    stream_.reset();
    std::error_code ignored;  // it is of no use any more either way
    master_.close(ignored);
}

void ConsoleTerminals::start() {
    std::error_code error;
    std::filesystem::remove_all(directory_, error);  // links of an hvd that was killed
    std::filesystem::create_directories(directory_, error);
    Descriptor opened(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (error || !opened.is_open()) {
        const Failure failure = system_failure(directory_.string(), error ? error.value() : errno);
        supervisor_.note("error", nullptr, {{"text", "consoles have no terminals: " + failure.text}});
        return;
    }
    opened_.assign(opened.release());
    wait_for_opening();
    look_again();
}

void ConsoleTerminals::wait_for_opening() {
    opened_.async_read_some(asio::buffer(events_), [this](std::error_code error, std::size_t length) {
        for (std::size_t at = 0; !error && at + sizeof(inotify_event) <= length;) {
            inotify_event event{};
            std::memcpy(&event, events_.data() + at, sizeof event);
            at += sizeof event + event.len;
            const auto place =
                std::ranges::find(places_, event.wd, [](const auto &entry) { return entry.second.watch; });
            if ((event.mask & IN_Q_OVERFLOW) != 0) {  // whoever it was
                attach_all();
            } else if (place != places_.end() && (event.mask & IN_OPEN) != 0) {
                place->second.terminal->attach();
            }
        }
        if (!error) {
            wait_for_opening();
        }
    });
}

// Those that nobody has open notice it at once.
void ConsoleTerminals::attach_all() {
    for (const auto &[key, place] : places_) {
        if (place.terminal) {
            place.terminal->attach();
        }
    }
}

void ConsoleTerminals::look_again() {
    if (!opened_.is_open()) {
        return;
    }
    std::erase_if(places_, [this](const auto &entry) {
        const bool gone = !supervisor_.guests().contains(entry.first);
        if (gone) {
            remove(entry.second);
        }
        return gone;
    });
    for (const auto &[key, guest] : supervisor_.guests()) {
        if (guest->throw_away) {
            continue;
        }
        auto place = places_.find(key);
        if (place == places_.end()) {
            place = places_.emplace(key, make(guest)).first;
        }
        if (place->second.terminal) {
            link(place->second, guest->name);
            place->second.terminal->look_again();
        }
    }
}

ConsoleTerminals::Place ConsoleTerminals::make(const GuestReference &guest) {
    Place place{.terminal = std::make_shared<ConsoleTerminal>(io_, supervisor_, guest), .link = {}, .watch = -1};
    Outcome<void> made = place.terminal->open();
    if (made.ok()) {
        place.watch = inotify_add_watch(opened_.native_handle(), place.terminal->path().c_str(), IN_OPEN);
        made = place.watch < 0 ? system_failure(place.terminal->path(), errno) : made;
    }
    if (!made.ok()) {
        supervisor_.note("error", guest.get(), {{"text", "its console has no terminal: " + made.error().text}});
        place.terminal->close();
        place.terminal.reset();
        return place;
    }
    guest->terminal = place.terminal->path();
    return place;
}

void ConsoleTerminals::remove(const Place &place) {
    if (place.terminal) {
        inotify_rm_watch(opened_.native_handle(), place.watch);
        place.terminal->close();
    }
    std::error_code ignored;  // what is not there need not be removed
    std::filesystem::remove(place.link, ignored);
}

void ConsoleTerminals::link(Place &place, const std::string &name) {
    const std::filesystem::path wanted = directory_ / name;
    if (place.link == wanted) {
        return;
    }
    std::error_code ignored;  // the terminal itself is there
    std::filesystem::remove(place.link, ignored);
    std::filesystem::remove(wanted, ignored);
    std::filesystem::create_symlink(place.terminal->path(), wanted, ignored);
    place.link = wanted;
}

}  // namespace ringfold::tools
