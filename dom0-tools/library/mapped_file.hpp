// SPDX-License-Identifier: Apache-2.0
//
// A file's bytes, read-only. Whoever writes to it meanwhile may change them; where a file becomes shorter, they are
// zeros if survive_truncation() was called, else SIGBUS ends the program.
#pragma once

#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/outcome.hpp"

#include <sys/stat.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ringfold::tools {

// For the whole program, from now on.
void survive_truncation();

class MappedFile {
  public:
    MappedFile() = default;
    [[nodiscard]] static Outcome<MappedFile> open(const std::string &path);

    MappedFile(MappedFile &&other) noexcept { *this = std::move(other); }
    MappedFile &operator=(MappedFile &&other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(path_, other.path_);
        std::swap(file_, other.file_);
        std::swap(status_, other.status_);
        return *this;
    }
    MappedFile(const MappedFile &) = delete;
    MappedFile &operator=(const MappedFile &) = delete;
    ~MappedFile();

    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
    [[nodiscard]] std::string_view text() const {
        return {reinterpret_cast<const char *>(bytes_.data()), bytes_.size()};
    }
    // busy: somebody has written to it since it was opened, so that its bytes may be of two files.
    [[nodiscard]] Outcome<void> check_unchanged() const;

  private:
    std::span<const std::byte> bytes_;
    std::string path_;
    Descriptor file_;
    struct stat status_ {};  // as it was opened
};

}  // namespace ringfold::tools
