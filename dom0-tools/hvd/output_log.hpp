// SPDX-License-Identifier: Apache-2.0
//
// What a console (or the hypervisor's log) says, from the first byte on, in files. Each file's name ends with the
// position of its first byte, so that the files alone say how far the log has come: a daemon that was killed goes on
// exactly there. A file that is full is followed by a new one, and the oldest ones go. A new file also follows bytes
// that were lost.
#pragma once

#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/hypervisor.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>

namespace ringfold::tools {

struct OutputLimits {
    uint64_t file_size = uint64_t{1} << 20;
    std::size_t files = 8;
};

class OutputLog {
  public:
    // DIRECTORY/STEM.POSITION; what is there already is continued.
    [[nodiscard]] static Outcome<OutputLog> open(const std::filesystem::path &directory, const std::string &stem,
                                                 OutputLimits limits = {});

    // The position behind the last byte that is kept: what to ask for next.
    [[nodiscard]] uint64_t end() const { return end_; }
    [[nodiscard]] uint64_t begin() const { return pieces_.empty() ? end_ : pieces_.front().begin; }
    // Bytes from position `begin` on, at or behind end().
    Outcome<void> append(uint64_t begin, std::string_view text);
    // Bytes from `position` on; `begin` is where they really begin.
    [[nodiscard]] Outcome<OutputPart> read(uint64_t position, std::size_t most) const;

    // All from `position` on; a line in brackets where bytes are missing.
    [[nodiscard]] Outcome<std::string> text_from(uint64_t position) const;

  private:
    struct Piece {
        uint64_t begin;
        uint64_t size;
    };

    OutputLog(std::filesystem::path directory, std::string stem, OutputLimits limits)
        : directory_(std::move(directory)), stem_(std::move(stem)), limits_(limits) {}
    [[nodiscard]] std::filesystem::path path_of(uint64_t begin) const;
    Outcome<void> find_pieces();
    Outcome<void> begin_piece(uint64_t position);
    Outcome<void> write(std::string_view text);

    std::filesystem::path directory_;
    std::string stem_;
    OutputLimits limits_;
    std::deque<Piece> pieces_;  // ascending
    Descriptor file_;           // the last one
    uint64_t end_ = 0;
};

}  // namespace ringfold::tools
