// SPDX-License-Identifier: Apache-2.0
//
// What a throw-away guest (`hvctl run`) says and hears on its console: frames, between what else the kernel may say
// there.
//
//     0x1e TOKEN ' ' KIND ' ' NUMBER '\n' [NUMBER bytes]
//
// TOKEN is made up for each guest, so that no output is taken for a frame.
//
// | from   | KIND |
// |--------|------|-------------------------------------------------------------------------------------------------
// | guest  | 1, 2 | so many bytes of the command's standard output or error
// | client | a    | the last of these has been read; NUMBER is 0
// | guest  | w    | so many bytes of standard input are wanted
// | client | 0    | standard input, as much as was wanted at most, so many bytes when escaped; none: its end
// | guest  | x    | the command has ended with this status, which is the last frame
//
// Neither end sends bytes before the other one has asked for them or acknowledged the last ones: what nobody has read
// yet stays in the guest, or with whoever writes to the client, and no console forgets it. Input is escaped, for Linux
// takes a Ctrl-O on a console, and what comes behind it, for a SysRq key.
#pragma once

#include "dom0-tools/library/outcome.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfold::tools {

inline constexpr char run_frame_mark = 0x1e;
inline constexpr std::size_t run_frame_bytes = 4096;  // half of what a console holds
// Escaped they are at most twice as many: with a head, and an acknowledgement, less than the 4095 that Linux keeps of a
// terminal's input.
inline constexpr std::size_t run_input_bytes = 1536;

enum class RunFrameKind : char {
    input = '0',
    output = '1',
    error = '2',
    acknowledgement = 'a',
    wanted = 'w',
    exit = 'x'
};

struct RunFrame {
    RunFrameKind kind;
    std::string bytes;    // of input, output and error
    uint32_t number = 0;  // of the others
};

[[nodiscard]] std::string run_frame(std::string_view token, RunFrameKind kind, std::string_view bytes);
[[nodiscard]] std::string run_frame(std::string_view token, RunFrameKind kind, uint32_t number);

[[nodiscard]] std::string escape_input(std::string_view bytes);
[[nodiscard]] std::string unescape_input(std::string_view escaped);

class RunReader {
  public:
    explicit RunReader(const std::string &token) : begin_(run_frame_mark + token + ' ') {}

    void feed(std::string_view bytes) { input_ += bytes; }
    // The next frame, when all of it is there.
    [[nodiscard]] std::optional<RunFrame> next();
    // The last of what else was said: what to show when something went wrong.
    [[nodiscard]] const std::string &other_text() const { return other_; }

  private:
    void pass_over(std::size_t length);

    std::string begin_;
    std::string input_;
    std::string other_;
};

// What a guest is to run, as it travels in its RAM disk.
struct RunCommand {
    std::string token;
    std::string directory;                 // "/" if it is not there
    bool has_input = false;                // or its standard input is empty
    std::vector<std::string> environment;  // NAME=VALUE
    std::vector<std::string> words;        // the program and its arguments
};

[[nodiscard]] std::string to_text(const RunCommand &command);
[[nodiscard]] Outcome<RunCommand> run_command_from(std::string_view text);

// Where both are in the RAM disk.
inline constexpr std::string_view run_folder = ".ringfold";
inline constexpr std::string_view run_program = ".ringfold/init";
inline constexpr std::string_view run_command_file = ".ringfold/command";

}  // namespace ringfold::tools
