// SPDX-License-Identifier: Apache-2.0
//
// `hvctl run -- COMMAND`: a guest that lives as long as its command. Its root is a copy in memory, made for it; the
// connection to hvd keeps it alive, so that it goes whatever happens to this process.
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/library/config_file.hpp"
#include "dom0-tools/library/cpio_archive.hpp"
#include "dom0-tools/library/mapped_file.hpp"
#include "dom0-tools/library/run_protocol.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>

namespace ringfold::tools {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int own_failure_status = 125;  // as env(1) and timeout(1) have it: 126 and up are the command's
constexpr int timeout_status = 124;

struct RunOptions {
    std::vector<std::string> words;
    std::vector<std::string> settings;
    std::string kernel;
    std::string root = "/";
    std::string memory = "128";
    bool passes_terminal = false;  // as standard input
    unsigned vcpus = 1;
    unsigned timeout = 0;  // s; 0: none
};

// What a guest makes for itself, and what it has no use for.
const std::vector<std::string> left_out{"boot", "dev", "proc", "run", "sys", "tmp", "var/log", std::string(run_folder)};

// A file without a name: hvd reaches it through this process, and it is gone with it.
class MemoryFile {
  public:
    [[nodiscard]] static Outcome<MemoryFile> make() {
        Descriptor file(memfd_create("ringfold-run", MFD_CLOEXEC));
        return file.is_open() ? Outcome<MemoryFile>{MemoryFile(std::move(file))}
                              : system_failure("memfd_create", errno);
    }

    [[nodiscard]] std::string path() const { return fmt::format("/proc/{}/fd/{}", getpid(), file_.number()); }
    [[nodiscard]] CpioArchive archive() {
        return CpioArchive([number = file_.number()](std::string_view bytes) { return write_fully(number, bytes); });
    }
    Outcome<void> write(std::string_view bytes) { return write_fully(file_.number(), bytes); }
    [[nodiscard]] uint64_t size() const { return static_cast<uint64_t>(lseek(file_.number(), 0, SEEK_CUR)); }

  private:
    explicit MemoryFile(Descriptor file) : file_(std::move(file)) {}

    Descriptor file_;
};

Outcome<std::string> make_token() {
    std::array<unsigned char, 12> bytes{};
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        return system_failure("getrandom", errno);
    }
    std::string token;
    for (const unsigned char byte : bytes) {
        token += fmt::format("{:02x}", byte);
    }
    return token;
}

Outcome<std::string> find_kernel(const RunOptions &options) {
    if (!options.kernel.empty()) {
        return options.kernel;
    }
    utsname running{};
    uname(&running);
    for (const std::string &path : {std::string{"/boot/vmlinux"}, fmt::format("/boot/vmlinux-{}", running.release),
                                    fmt::format("/boot/vmlinuz-{}", running.release), std::string{"/boot/vmlinuz"}}) {
        if (access(path.c_str(), R_OK) == 0) {
            return path;
        }
    }
    return Failure{Kind::not_found,
                   "no kernel in /boot (vmlinux, vmlinuz, and those with the running kernel's release); "
                   "--kernel names one"};
}

// Input from a file or a pipe is the command's. What is typed is only if that is wanted: a command in the background
// takes nobody's keys away.
bool has_input(const RunOptions &options) {
    const bool is_open = fcntl(STDIN_FILENO, F_GETFD) >= 0;
    return is_open && (options.passes_terminal || isatty(STDIN_FILENO) == 0);
}

RunCommand command_of(const RunOptions &options, const std::string &token) {
    RunCommand command{
        .token = token, .directory = "/", .has_input = has_input(options), .environment = {}, .words = options.words};
    std::error_code error;
    const std::filesystem::path directory = std::filesystem::current_path(error);
    if (!error) {
        command.directory = directory;
    }
    for (const char *name : {"HOME", "LANG", "LC_ALL", "PATH", "TERM", "TZ", "USER"}) {
        if (const char *value = std::getenv(name); value != nullptr) {
            command.environment.push_back(fmt::format("{}={}", name, value));
        }
    }
    return command;
}

Outcome<void> write_root(MemoryFile &file, const std::string &root) {
    std::error_code error;
    if (std::filesystem::is_directory(root, error)) {
        CpioArchive archive = file.archive();
        TRY(archive.add_tree(root, left_out));
        return archive.finish();
    }
    const MappedFile archive = TRY(MappedFile::open(root));
    TRY(file.write(archive.text()));
    // The next archive begins at a multiple of four bytes.
    return file.write(std::string((4 - archive.bytes().size() % 4) % 4, '\0'));
}

Outcome<MemoryFile> make_ramdisk(const RunOptions &options, const RunCommand &command) {
    MemoryFile file = TRY(MemoryFile::make());
    TRY(write_root(file, options.root));
    const MappedFile self = TRY(MappedFile::open("/proc/self/exe"));
    CpioArchive archive = file.archive();
    TRY(archive.add_directory(std::string(run_folder), 0755));
    TRY(archive.add_file(std::string(run_program), 0755, self.text()));
    TRY(archive.add_file(std::string(run_command_file), 0600, to_text(command)));
    TRY(archive.finish());
    return file;
}

Outcome<DomainConfig> config_of(const RunOptions &options, const std::string &token, const MemoryFile &ramdisk) {
    std::vector<std::string> settings{
        fmt::format("name=run-{}-{}", getpid(), token.substr(0, 6)),
        "kernel=" + TRY(find_kernel(options)),
        "ramdisk=" + ramdisk.path(),
        "memory=" + options.memory,
        fmt::format("vcpus={}", options.vcpus),
        fmt::format("cmdline=console=hvc0 quiet loglevel=1 rdinit=/{}", run_program),
        "on_reboot=destroy",
    };
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    DomainConfig config = TRY(load_config("", settings));
    // The archive, what is unpacked from it, and as much again to work with.
    constexpr uint64_t mebibyte = uint64_t{1} << 20;
    const uint64_t least = 3 * ramdisk.size() / mebibyte + 32;
    if (config.memory_mib < least) {
        return Failure{Kind::memory, fmt::format("its root takes {} MiB (of {}), so it needs {} MiB of memory, not {}: "
                                                 "--memory gives more, --root names a smaller one",
                                                 ramdisk.size() / mebibyte, options.root, least, config.memory_mib)};
    }
    return config;
}

// What the command said, where it is wanted as a whole.
struct SaidByCommand {
    std::string output;
    std::string errors;
};

// Reads the console until the guest has told its command's end, and gives it the input that it wants.
class Run {
  public:
    // `said`: where the command's output goes; nullptr: to where this process' own does.
    Run(Client client, const std::string &token, unsigned timeout, SaidByCommand *said)
        : client_(std::move(client)),
          said_(said),
          token_(token),
          reader_(token),
          deadline_(timeout == 0 ? Clock::time_point::max() : Clock::now() + std::chrono::seconds(timeout)) {
        reader_.feed(client_.take_rest());
    }

    // The command's status; nothing: it took too long.
    Outcome<std::optional<int>> finish() {
        for (;;) {
            while (const std::optional<RunFrame> frame = reader_.next()) {
                if (frame->kind == RunFrameKind::exit) {
                    return std::optional{static_cast<int>(frame->number)};
                }
                TRY(handle(*frame));
            }
            if (!TRY(wait())) {
                return std::optional<int>{};
            }
            if (waits_[from_guest].revents != 0) {
                TRY(read_more());
            }
            if (waits_[from_here].revents != 0) {
                TRY(pass_input());
            }
        }
    }

  private:
    enum : std::size_t { from_guest, from_here, all };

    Outcome<void> handle(const RunFrame &frame) {
        switch (frame.kind) {
            case RunFrameKind::output:
            case RunFrameKind::error:
                TRY(pass_output(frame));
                return write_fully(client_.descriptor(), run_frame(token_, RunFrameKind::acknowledgement, uint32_t{0}));
            case RunFrameKind::wanted:
                wanted_ = frame.number;
                return {};
            case RunFrameKind::input:
            case RunFrameKind::acknowledgement:
            case RunFrameKind::exit:
                return {};  // the first two are never the guest's, the last was seen to
        }
        return {};
    }

    Outcome<void> pass_output(const RunFrame &frame) {
        const bool is_error = frame.kind == RunFrameKind::error;
        if (said_ != nullptr) {
            (is_error ? said_->errors : said_->output) += frame.bytes;
            return {};
        }
        return write_fully(is_error ? STDERR_FILENO : STDOUT_FILENO, frame.bytes);
    }

    // Nothing is read before it is wanted: what the command leaves stays with whoever comes next.
    Outcome<void> pass_input() {
        std::array<char, run_input_bytes> bytes{};
        const ssize_t length = read(STDIN_FILENO, bytes.data(), std::min<std::size_t>(wanted_, bytes.size()));
        if (length < 0) {
            return errno == EINTR || errno == EAGAIN ? Outcome<void>{} : system_failure("standard input", errno);
        }
        wanted_ = 0;
        const std::string escaped = escape_input({bytes.data(), static_cast<std::size_t>(length)});
        return write_fully(client_.descriptor(), run_frame(token_, RunFrameKind::input, escaped));
    }

    // False: the time is over.
    Outcome<bool> wait() {
        waits_[from_guest] = {client_.descriptor(), POLLIN, 0};
        waits_[from_here] = {wanted_ > 0 ? STDIN_FILENO : -1, POLLIN, 0};
        for (;;) {
            int patience = -1;
            if (deadline_ != Clock::time_point::max()) {
                const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
                if (left <= 0) {
                    return false;
                }
                patience = static_cast<int>(std::min<long>(left, 60'000));
            }
            const int ready = poll(waits_.data(), waits_.size(), patience);
            if (ready > 0) {
                return true;
            }
            if (ready < 0 && errno != EINTR) {
                return system_failure("poll", errno);
            }
        }
    }

    Outcome<void> read_more() {
        std::array<char, 8192> bytes{};
        const ssize_t length = read(client_.descriptor(), bytes.data(), bytes.size());
        if (length > 0) {
            reader_.feed({bytes.data(), static_cast<std::size_t>(length)});
            return {};
        }
        return Failure{Kind::failed, fmt::format("the guest is gone before its command had ended; it said:\n{}",
                                                 reader_.other_text())};
    }

    Client client_;
    SaidByCommand *said_;
    std::string token_;
    RunReader reader_;
    uint32_t wanted_ = 0;  // bytes of input
    std::array<pollfd, all> waits_{};
    Clock::time_point deadline_;
};

Outcome<void> run(Context &context, const RunOptions &options) {
    context.failure_status = own_failure_status;
    if (options.words.empty()) {
        return Failure{Kind::usage, "expected a command: hvctl run [OPTIONS] -- COMMAND [ARGUMENT...]"};
    }
    const std::string token = TRY(make_token());
    const MemoryFile ramdisk = TRY(make_ramdisk(options, command_of(options, token)));
    const DomainConfig config = TRY(config_of(options, token, ramdisk));
    Client client = TRY(context.connect());
    TRY(client.request("create", {{"config", to_json(config)}, {"throw_away", true}}));
    TRY(client.request("console", {{"domain", config.name}, {"follow", true}}));
    SaidByCommand said;
    const std::optional<int> status =
        TRY(Run(std::move(client), token, options.timeout, context.json ? &said : nullptr).finish());
    if (!status) {
        context.failure_status = timeout_status;
        return Failure{Kind::failed, fmt::format("the command did not end within {} s", options.timeout)};
    }
    context.status = *status;
    if (context.json) {
        context.show({{"status", *status}, {"output", said.output}, {"errors", said.errors}}, nothing);
    }
    return {};
}

}  // namespace

void add_run_command(CLI::App &app, Context &context) {
    const auto options = std::make_shared<RunOptions>();
    CLI::App *command =
        add_command(app, context, "run", "run a command in a throw-away guest, with a copy of this root",
                    [&context, options] { return run(context, *options); });
    command->positionals_at_end();
    command->add_option("--kernel", options->kernel, "the guest's kernel (this machine's, in /boot)");
    command->add_option("--root", options->root, "its root: a folder, or an archive that Linux can unpack (/)");
    command->add_option("-m,--memory", options->memory, "MiB, or with K, M, G behind it (128)");
    command->add_option("--vcpus", options->vcpus, "its vCPUs (1)");
    command->add_flag("-i,--input", options->passes_terminal,
                      "pass standard input also if it is a terminal, line by line; files and pipes are always passed");
    command->add_option("--timeout", options->timeout, "seconds after which it is ended, with status 124");
    command->add_option("--set", options->settings, "KEY=VALUE of a configuration; can be given several times")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command->add_option("COMMAND", options->words, "what to run, behind --");
}

}  // namespace ringfold::tools
