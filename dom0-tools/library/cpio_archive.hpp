// SPDX-License-Identifier: Apache-2.0
//
// An initial RAM file system as Linux takes it: a cpio archive of the "newc" format
// (Documentation/driver-api/early-userspace/ buffer-format.rst). Several of them, one behind the other, are laid over
// each other.
#pragma once

#include "dom0-tools/library/outcome.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfold::tools {

// What becomes of a finished piece of the archive.
using ArchiveSink = std::function<Outcome<void>(std::string_view)>;

class CpioArchive {
  public:
    explicit CpioArchive(ArchiveSink sink) : sink_(std::move(sink)) {}

    // `name` is a path without a leading slash; the folders on its way come first.
    Outcome<void> add_directory(const std::string &name, uint32_t permissions);
    Outcome<void> add_file(const std::string &name, uint32_t permissions, std::string_view content);
    // All below a folder that lies on the same file system, but not what is below `left_out` (paths as in the archive),
    // of which only the folders themselves are there.
    Outcome<void> add_tree(const std::filesystem::path &root, const std::vector<std::string> &left_out);
    // Nothing may be added afterwards.
    Outcome<void> finish();

    [[nodiscard]] uint64_t size() const { return size_; }

  private:
    struct Entry {
        std::string name;
        uint32_t mode = 0;
        uint32_t user = 0;
        uint32_t group = 0;
        dev_t device = 0;  // of a device node
    };

    Outcome<void> add(const Entry &entry, std::string_view content);
    Outcome<void> add_path(const std::filesystem::path &path, const std::string &name, dev_t file_system,
                           bool &descend);
    Outcome<void> write(std::string_view bytes);
    Outcome<void> pad();

    ArchiveSink sink_;
    uint64_t size_ = 0;
    uint32_t next_inode_ = 1;
};

}  // namespace ringfold::tools
