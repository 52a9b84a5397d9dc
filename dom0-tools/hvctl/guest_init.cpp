// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/guest_init.hpp"

#include "dom0-tools/library/client.hpp"
#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/mapped_file.hpp"
#include "dom0-tools/library/run_protocol.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace ringfold::tools {

namespace {

constexpr int not_found_status = 127;  // as shells have it
constexpr int not_executable_status = 126;
constexpr int broken_status = 125;
constexpr int signal_status = 128;  // and the signal's number

struct Mount {
    const char *kind;
    const char *place;
    const char *options;
};

constexpr std::array mounts{
    Mount{"proc", "/proc", ""},          Mount{"sysfs", "/sys", ""},
    Mount{"devtmpfs", "/dev", ""},       Mount{"devpts", "/dev/pts", "ptmxmode=0666"},
    Mount{"tmpfs", "/dev/shm", ""},      Mount{"tmpfs", "/run", "mode=0755"},
    Mount{"tmpfs", "/tmp", "mode=1777"},
};

// A kernel without one of them leaves the folder empty: whether the command minds is its affair.
void mount_all() {
    for (const Mount &wanted : mounts) {
        mkdir(wanted.place, 0755);
        mount(wanted.kind, wanted.place, wanted.kind, 0, wanted.options);
    }
}

void bring_up_loopback() {
    const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    ioctl(socket.number(), SIOCSIFFLAGS, &request);
}

[[noreturn]] void power_off() {
    sync();
    reboot(RB_POWER_OFF);
    std::abort();  // the first process must not end: the kernel panics, which the outside sees
}

// The console, every byte as it is.
Descriptor open_console() {
    Descriptor console(open("/dev/hvc0", O_RDWR | O_NOCTTY | O_CLOEXEC));
    termios settings{};
    if (tcgetattr(console.number(), &settings) == 0) {
        cfmakeraw(&settings);
        tcsetattr(console.number(), TCSANOW, &settings);
    }
    return console;
}

// The console, as frames both ways.
class Channel {
  public:
    Channel(Descriptor console, std::string token)
        : console_(std::move(console)), token_(std::move(token)), reader_(token_) {}

    void tell(RunFrameKind kind, std::string_view bytes) { write(run_frame(token_, kind, bytes)); }
    void tell(RunFrameKind kind, uint32_t number) { write(run_frame(token_, kind, number)); }

    // False: nobody is there any more.
    [[nodiscard]] bool read_more() {
        std::array<char, run_frame_bytes> bytes{};
        const ssize_t length = read(console_.number(), bytes.data(), bytes.size());
        reader_.feed({bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))});
        return length > 0 || (length < 0 && errno == EINTR);
    }
    [[nodiscard]] std::optional<RunFrame> next() { return reader_.next(); }
    [[nodiscard]] int descriptor() const { return console_.number(); }

  private:
    void write(const std::string &frame) {
        (void)write_fully(console_.number(), frame).ok();  // where else could it be told?
        tcdrain(console_.number());
    }

    Descriptor console_;
    std::string token_;
    RunReader reader_;
};

std::vector<char *> pointers_to(std::vector<std::string> &words) {
    std::vector<char *> pointers;
    for (std::string &word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

// In the child: becomes the command.
[[noreturn]] void become(RunCommand command, int input, int output, int error) {
    setsid();
    signal(SIGPIPE, SIG_DFL);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    if (chdir(command.directory.c_str()) != 0 && chdir("/") != 0) {
        _exit(broken_status);
    }
    clearenv();
    for (std::string &variable : command.environment) {
        putenv(variable.data());
    }
    execvp(command.words.front().c_str(), pointers_to(command.words).data());
    const int reason = errno;
    fmt::print(stderr, "hvctl run: {}: {}\n", command.words.front(), std::strerror(reason));
    std::fflush(stderr);
    _exit(reason == ENOENT ? not_found_status : not_executable_status);
}

struct Pipe {
    Descriptor reading;
    Descriptor writing;
};

Pipe make_pipe() {
    std::array<int, 2> ends{-1, -1};
    // An end that does not exist is never readable: the command then has no output, and its status is told all the
    // same.
    (void)!pipe2(ends.data(), O_CLOEXEC);
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

// What the command reads: bytes wait here until it does.
class Input {
  public:
    explicit Input(Descriptor pipe) : pipe_(std::move(pipe)) { fcntl(pipe_.number(), F_SETFL, O_WRONLY | O_NONBLOCK); }

    [[nodiscard]] bool wants_more() const { return pipe_.is_open() && waiting_.empty(); }
    void give(std::string_view bytes) { waiting_ += bytes; }
    void end() { pipe_ = Descriptor{}; }

    // That the command has closed its end is told without being asked for.
    [[nodiscard]] pollfd wait() const {
        return {pipe_.number(), static_cast<short>(waiting_.empty() ? 0 : POLLOUT), 0};
    }
    void pass_some() {
        if (waiting_.empty()) {
            end();
            return;
        }
        const ssize_t length = write(pipe_.number(), waiting_.data(), waiting_.size());
        if (length > 0) {
            waiting_.erase(0, static_cast<std::size_t>(length));
        } else if (errno != EAGAIN && errno != EINTR) {
            end();
        }
    }

  private:
    Descriptor pipe_;
    std::string waiting_;
};

// Carries bytes between the command's pipes and the console.
class Carrier {
  public:
    Carrier(Channel &channel, Descriptor input, Descriptor output, Descriptor error)
        : channel_(channel), input_(std::move(input)), outputs_{std::move(output), std::move(error)} {
        ask_for_input();
    }

    // Waits until something happens, also to `process`; false: nothing did, for `patience` ms.
    bool carry_some(int process, int patience) {
        enum : std::size_t { outside, to_command, from_command, of_command = from_command + 2, all };
        std::array<pollfd, all> waits{};
        waits[outside] = {is_watched_ ? channel_.descriptor() : -1, POLLIN, 0};
        waits[to_command] = input_.wait();
        for (std::size_t index = 0; index < outputs_.size(); ++index) {
            waits[from_command + index] = {is_unread_ ? -1 : outputs_[index].number(), POLLIN, 0};
        }
        waits[of_command] = {process, POLLIN, 0};
        if (poll(waits.data(), waits.size(), patience) <= 0) {
            return false;
        }
        if (waits[outside].revents != 0) {
            listen();
        }
        if (waits[to_command].revents != 0) {
            input_.pass_some();
            ask_for_input();
        }
        for (std::size_t index = 0; index < outputs_.size(); ++index) {
            if (waits[from_command + index].revents != 0 && !is_unread_) {
                tell_some(outputs_[index], index == 0 ? RunFrameKind::output : RunFrameKind::error);
            }
        }
        return true;
    }

    // The command has ended: its last output is told, until nobody can write more of it.
    void finish(int patience) {
        input_.end();
        bool goes_on = true;
        while (goes_on && (is_unread_ || outputs_[0].is_open() || outputs_[1].is_open())) {
            goes_on = carry_some(-1, patience) || is_unread_;
        }
    }

  private:
    void listen() {
        if (!channel_.read_more()) {
            is_watched_ = false;
            is_unread_ = false;
            input_.end();
        }
        while (const std::optional<RunFrame> frame = channel_.next()) {
            if (frame->kind == RunFrameKind::acknowledgement) {
                is_unread_ = false;
            } else if (frame->kind == RunFrameKind::input && frame->bytes.empty()) {
                input_.end();
            } else if (frame->kind == RunFrameKind::input) {
                input_.give(unescape_input(frame->bytes));
            }
        }
    }

    void ask_for_input() {
        if (input_.wants_more()) {
            channel_.tell(RunFrameKind::wanted, run_input_bytes);
        }
    }

    void tell_some(Descriptor &pipe, RunFrameKind kind) {
        std::array<char, run_frame_bytes> bytes{};
        const ssize_t length = read(pipe.number(), bytes.data(), bytes.size());
        if (length <= 0) {
            pipe = Descriptor{};
            return;
        }
        channel_.tell(kind, {bytes.data(), static_cast<std::size_t>(length)});
        is_unread_ = is_watched_;
    }

    Channel &channel_;
    Input input_;
    std::array<Descriptor, 2> outputs_;
    bool is_watched_ = true;
    bool is_unread_ = false;  // what was told last
};

int status_from(int status) { return WIFSIGNALED(status) ? signal_status + WTERMSIG(status) : WEXITSTATUS(status); }

// Also buries whatever else has died.
bool has_ended(pid_t child, int &status) {
    for (;;) {
        int one = 0;
        const pid_t ended = waitpid(-1, &one, WNOHANG);
        if (ended == child) {
            status = status_from(one);
            return true;
        }
        if (ended <= 0) {
            return false;
        }
    }
}

// Where the command's standard input comes from; nothing is ever written for one without.
Pipe make_input(bool has_input) {
    return has_input ? make_pipe() : Pipe{Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)), Descriptor{}};
}

int run_command(const RunCommand &command, Channel &channel) {
    constexpr int look_again = 20;    // ms: for what does not wake poll()
    constexpr int bury_again = 1000;  // ms: others than the command
    Pipe input = make_input(command.has_input);
    Pipe output = make_pipe();
    Pipe error = make_pipe();
    const pid_t child = fork();
    if (child == 0) {
        become(command, input.reading.number(), output.writing.number(), error.writing.number());
    }
    input.reading = Descriptor{};
    output.writing = Descriptor{};
    error.writing = Descriptor{};
    if (child < 0) {
        return broken_status;
    }
    const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    Carrier carrier(channel, std::move(input.writing), std::move(output.reading), std::move(error.reading));
    int status = broken_status;
    while (!has_ended(child, status)) {
        carrier.carry_some(process.number(), process.is_open() ? bury_again : look_again);
    }
    // What it leaves running ends here, or its output might not.
    kill(-1, SIGKILL);
    carrier.finish(look_again);
    return status;
}

Outcome<RunCommand> load_command() {
    const MappedFile file = TRY(MappedFile::open("/" + std::string(run_command_file)));
    return run_command_from(file.text());
}

}  // namespace

bool is_guest_init(const char *program) {
    return getpid() == 1 && program != nullptr && std::string_view(program) == "/" + std::string(run_program);
}

void run_guest_init() {
    // What `hvctl shutdown` and `reboot` come to, by way of poweroff(8) and reboot(8).
    for (const int number : {SIGUSR2, SIGTERM, SIGINT}) {
        signal(number, [](int) { power_off(); });
    }
    signal(SIGPIPE, SIG_IGN);
    mount_all();
    bring_up_loopback();
    Descriptor console = open_console();
    Outcome<RunCommand> command = load_command();
    if (!command.ok()) {
        (void)write_fully(console.number(), "hvctl run: " + command.error().text + "\n").ok();  // shown from outside
        power_off();
    }
    const RunCommand wanted = command.take();
    Channel channel(std::move(console), wanted.token);
    const int status = run_command(wanted, channel);
    channel.tell(RunFrameKind::exit, static_cast<uint32_t>(status));
    power_off();
}

}  // namespace ringfold::tools
