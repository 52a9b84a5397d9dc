// SPDX-License-Identifier: Apache-2.0
//
// hvd: looks after guests in the control domain and answers hvctl on a socket.
#include "dom0-tools/hvd/console_terminal.hpp"
#include "dom0-tools/hvd/session.hpp"
#include "dom0-tools/library/device_port.hpp"
#include "dom0-tools/library/mapped_file.hpp"

#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <x86intrin.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <csignal>
#include <ctime>
#include <list>

namespace ringfold::tools {

namespace {

uint64_t monotonic_nanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t time_stamp() { return __rdtsc(); }

std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

struct Options {
    Environment environment;
    std::string device = "/dev/ringfold";
    bool in_background = false;
};

// The daemon's sockets, timers and threads, around a Supervisor.
class Server {
  public:
    Server(HypercallPort &port, Environment environment)
        : supervisor_(port, with_worker(std::move(environment))),
          commands_(supervisor_),
          terminals_(io_, supervisor_),
          device_(io_, dup(port.descriptor())) {}

    Outcome<void> start() {
        supervisor_.changed = [this] { look_again_soon(); };
        TRY(supervisor_.start());
        terminals_.start();
        TRY(listen());
        wait_for_hypervisor();
        retry_later();
        signals_.async_wait([this](std::error_code, int) { io_.stop(); });
        return {};
    }

    void run() {
        accept();
        io_.run();
        workers_.join();
    }

  private:
    Environment with_worker(Environment environment) {
        environment.aside = [this](std::function<void()> work, std::function<void()> then) {
            asio::post(workers_, [this, work = std::move(work), then = std::move(then)] {
                work();
                asio::post(io_, then);
            });
        };
        environment.monotonic_time = monotonic_nanoseconds;
        environment.time_stamp = time_stamp;
        environment.wall_time = utc_now;
        return environment;
    }

    Outcome<void> listen() {
        const std::string path = supervisor_.environment().run_directory / "hvd.sock";
        ::unlink(path.c_str());
        std::error_code error;
        const mode_t mask = umask(0177);
        acceptor_.open(asio::local::stream_protocol(), error);
        if (!error) {
            acceptor_.bind(asio::local::stream_protocol::endpoint(path), error);
        }
        umask(mask);
        if (!error) {
            acceptor_.listen(asio::socket_base::max_listen_connections, error);
        }
        return error ? system_failure(path, error.value()) : Outcome<void>{};
    }

    void accept() {
        acceptor_.async_accept([this](std::error_code error, Session::Socket socket) {
            if (!error) {
                sessions_.remove_if([](const std::weak_ptr<Session> &session) { return session.expired(); });
                const auto session = std::make_shared<Session>(std::move(socket), supervisor_, commands_);
                sessions_.push_back(session);
                session->start();
            }
            error ? accept_later() : accept();
        });
    }

    // For want of descriptors, perhaps: at once it would be the same.
    void accept_later() {
        accept_timer_.expires_after(std::chrono::milliseconds(200));
        accept_timer_.async_wait([this](std::error_code) { accept(); });
    }

    void wait_for_hypervisor() {
        device_.async_wait(asio::posix::stream_descriptor::wait_read, [this](std::error_code error) {
            if (error) {
                return;
            }
            const auto numbers = supervisor_.hypervisor().port().raised();
            if (!numbers.ok()) {
                fmt::print(stderr, "hvd: {}\n", numbers.error().text);
                io_.stop();
                return;
            }
            supervisor_.handle_interrupts(numbers.value());
            wait_for_hypervisor();
        });
    }

    // Domains of which others still hold frames, and rings of the trace that fill slowly.
    void retry_later() {
        timer_.expires_after(std::chrono::seconds{1});
        timer_.async_wait([this](std::error_code error) {
            if (!error) {
                supervisor_.retry();
                retry_later();
            }
        });
    }

    // Once, however much has changed, and not in the middle of what changes it.
    void look_again_soon() {
        if (std::exchange(will_look_, true)) {
            return;
        }
        asio::post(io_, [this] {
            will_look_ = false;
            commands_.look_at_waiters();
            terminals_.look_again();
            for (const std::weak_ptr<Session> &weak : sessions_) {
                if (const auto session = weak.lock()) {
                    session->look_again();
                }
            }
        });
    }

    asio::io_context io_{1};
    asio::thread_pool workers_{1};
    Supervisor supervisor_;
    Commands commands_;
    ConsoleTerminals terminals_;
    asio::posix::stream_descriptor device_;
    asio::local::stream_protocol::acceptor acceptor_{io_};
    asio::steady_timer accept_timer_{io_};
    asio::steady_timer timer_{io_};
    asio::signal_set signals_{io_, SIGTERM, SIGINT};
    std::list<std::weak_ptr<Session>> sessions_;
    bool will_look_ = false;
};

// One hvd at a time; the lock goes with the process, however it ends.
Outcome<Descriptor> take_lock(const std::filesystem::path &directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    const std::string path = directory / "hvd.lock";
    Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.is_open()) {
        return system_failure(path, errno);
    }
    if (flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
        return Failure{Kind::exists, fmt::format("{}: another hvd is running", path)};
    }
    return lock;
}

// In the parent: waits until the child is ready, and ends as it says. In the child: the descriptor to say it on.
Outcome<Descriptor> go_to_background() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return system_failure("pipe", errno);
    }
    Descriptor reading(ends[0]);
    Descriptor writing(ends[1]);
    const pid_t child = fork();
    if (child < 0) {
        return system_failure("fork", errno);
    }
    if (child == 0) {
        setsid();
        return writing;
    }
    writing = Descriptor();
    char ready = 0;
    _exit(read(reading.number(), &ready, 1) == 1 ? 0 : 1);
}

Outcome<void> serve(const Options &options) {
    survive_truncation();  // of kernels that are just being linked again
    Descriptor ready;
    if (options.in_background) {
        ready = TRY(go_to_background());
    }
    const Descriptor lock = TRY(take_lock(options.environment.run_directory));
    const auto port = TRY(DevicePort::open(options.device));
    Server server(*port, options.environment);
    TRY(server.start());
    if (ready.is_open() && write(ready.number(), "r", 1) != 1) {
        return system_failure("telling that it is ready", errno);
    }
    ready = Descriptor();
    server.run();
    return {};
}

}  // namespace

}  // namespace ringfold::tools

int main(int argument_count, char **arguments) {
    using namespace ringfold::tools;
    Options options;
    CLI::App app{"Looks after the guests of a Ringfold machine, in its control domain."};
    app.add_option("--run-directory", options.environment.run_directory, "state and socket (/run/ringfold)");
    app.add_option("--log-directory", options.environment.log_directory, "consoles, logs, crashes (/var/log/ringfold)");
    app.add_option("--console-file-size", options.environment.output_limits.file_size, "bytes, then a new file begins")
        ->check(CLI::Range(uint64_t{4096}, uint64_t{1} << 40));
    app.add_option("--console-files", options.environment.output_limits.files, "files that are kept of each console")
        ->check(CLI::Range(1, 10000));
    app.add_option("--control-floor", options.environment.control_floor_mib,
                   "MiB of memory that the control domain keeps, whatever mem-set says (128)")
        ->check(CLI::Range(uint64_t{64}, uint64_t{1} << 32));
    app.add_option("--device", options.device, "the hypervisor (/dev/ringfold)");
    app.add_flag("--background", options.in_background, "return when it is ready, and go on in the background");
    app.set_version_flag("--version", RINGFOLD_VERSION);
    CLI11_PARSE(app, argument_count, arguments);
    signal(SIGPIPE, SIG_IGN);
    const Outcome<void> served = serve(options);
    if (!served.ok()) {
        fmt::print(stderr, "hvd: {}\n", served.error().text);
        return exit_status(served.error().kind);
    }
    return 0;
}
