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
#include <sys/wait.h>
#include <termios.h>

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

class Teller {
  public:
    Teller(Descriptor console, std::string token) : console_(std::move(console)), token_(std::move(token)) {}

    // Returns when the outside has it.
    void tell_output(RunFrameKind kind, std::string_view bytes) {
        write(run_frame(token_, kind, bytes, 0));
        await_acknowledgement();
    }

    void tell_status(int status) { write(run_frame(token_, RunFrameKind::exit, {}, static_cast<uint32_t>(status))); }

  private:
    void await_acknowledgement() {
        char answer = 0;
        while (answer != run_acknowledgement) {
            const ssize_t length = read(console_.number(), &answer, 1);
            if (length == 0 || (length < 0 && errno != EINTR)) {
                return;  // nobody is there any more
            }
        }
    }

    void write(const std::string &frame) {
        (void)write_fully(console_.number(), frame).ok();  // where else could it be told?
        tcdrain(console_.number());
    }

    Descriptor console_;
    std::string token_;
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
[[noreturn]] void become(RunCommand command, int output, int error) {
    setsid();
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
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

class Output {
  public:
    Output(int output, int error) : waits_{pollfd{output, POLLIN, 0}, pollfd{error, POLLIN, 0}} {}

    // False: there is nothing now, for `patience` ms.
    bool tell_some(Teller &teller, int patience) {
        if (poll(waits_.data(), waits_.size(), patience) <= 0) {
            return false;
        }
        bool some = false;
        for (std::size_t index = 0; index < waits_.size(); ++index) {
            if (waits_[index].revents != 0) {
                const ssize_t length = read(waits_[index].fd, bytes_.data(), bytes_.size());
                if (length <= 0) {
                    waits_[index].fd = -1;
                    continue;
                }
                teller.tell_output(index == 0 ? RunFrameKind::output : RunFrameKind::error,
                                   {bytes_.data(), static_cast<std::size_t>(length)});
                some = true;
            }
        }
        return some;
    }
    [[nodiscard]] bool is_over() const { return waits_[0].fd < 0 && waits_[1].fd < 0; }

  private:
    std::array<pollfd, 2> waits_;
    std::array<char, run_frame_bytes> bytes_{};
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

int run_command(const RunCommand &command, Teller &teller) {
    constexpr int look_again = 20;  // ms: a child's end does not wake poll()
    Pipe output = make_pipe();
    Pipe error = make_pipe();
    const pid_t child = fork();
    if (child == 0) {
        become(command, output.writing.number(), error.writing.number());
    }
    output.writing = Descriptor{};
    error.writing = Descriptor{};
    if (child < 0) {
        return broken_status;
    }
    Output told(output.reading.number(), error.reading.number());
    int status = broken_status;
    bool ended = false;
    while (!ended) {
        told.tell_some(teller, look_again);
        ended = has_ended(child, status);
        if (!ended && told.is_over()) {
            int one = 0;
            status = waitpid(child, &one, 0) == child ? status_from(one) : broken_status;
            ended = true;
        }
    }
    // What it leaves running ends here, or its output might not.
    kill(-1, SIGKILL);
    while (told.tell_some(teller, look_again)) {
    }
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
    mount_all();
    bring_up_loopback();
    Descriptor console = open_console();
    Outcome<RunCommand> command = load_command();
    if (!command.ok()) {
        (void)write_fully(console.number(), "hvctl run: " + command.error().text + "\n").ok();  // shown from outside
        power_off();
    }
    const RunCommand wanted = command.take();
    Teller teller(std::move(console), wanted.token);
    const int status = run_command(wanted, teller);
    teller.tell_status(status);
    power_off();
}

}  // namespace ringfold::tools
