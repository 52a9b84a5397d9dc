// SPDX-License-Identifier: Apache-2.0
//
// What a throw-away guest (`hvctl run`) says on its console: frames, between what else the kernel may say there.
//
//     0x1e TOKEN ' ' KIND ' ' NUMBER '\n' [NUMBER bytes]
//
// KIND is `1` or `2`: so many bytes of the command's standard output or error; `x`: the command has ended with this
// status, which is the last frame. TOKEN is made up for each guest, so that no output is taken for a frame. After each
// frame with bytes the guest waits until it reads an acknowledgement: output that nobody has read yet stays in the
// guest, whose console would otherwise forget it.
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
inline constexpr char run_acknowledgement = 0x06;
inline constexpr std::size_t run_frame_bytes = 4096;  // half of what a console holds

enum class RunFrameKind : char { output = '1', error = '2', exit = 'x' };

struct RunFrame {
    RunFrameKind kind;
    std::string bytes;  // of output and error
    uint32_t status = 0;
};

[[nodiscard]] std::string run_frame(std::string_view token, RunFrameKind kind, std::string_view bytes, uint32_t status);

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
