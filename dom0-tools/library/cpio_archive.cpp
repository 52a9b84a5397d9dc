// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/cpio_archive.hpp"

#include "dom0-tools/library/mapped_file.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace ringfold::tools {

namespace {

constexpr uint64_t alignment = 4;
constexpr std::string_view last_name = "TRAILER!!!";

}  // namespace

Outcome<void> CpioArchive::write(std::string_view bytes) {
    size_ += bytes.size();
    return sink_(bytes);
}

Outcome<void> CpioArchive::pad() {
    constexpr std::string_view zeros("\0\0\0", alignment - 1);
    return write(zeros.substr(0, (alignment - size_ % alignment) % alignment));
}

Outcome<void> CpioArchive::add(const Entry &entry, std::string_view content) {
    if (content.size() > std::numeric_limits<uint32_t>::max()) {
        return Failure{Kind::failed,
                       fmt::format("/{} is larger than 4 GiB, the most that an initial RAM disk can hold", entry.name)};
    }
    // Magic number, then: inode, mode, user, group, links, time, size, major and minor of the file system and of the
    // device, length of the name with its zero, check sum.
    TRY(write(fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
                          next_inode_++, entry.mode, entry.user, entry.group, 1, 0, content.size(), 0, 0,
                          major(entry.device), minor(entry.device), entry.name.size() + 1, 0)));
    TRY(write({entry.name.c_str(), entry.name.size() + 1}));
    TRY(pad());
    TRY(write(content));
    return pad();
}

Outcome<void> CpioArchive::add_directory(const std::string &name, uint32_t permissions) {
    return add({.name = name, .mode = S_IFDIR | permissions}, {});
}

Outcome<void> CpioArchive::add_file(const std::string &name, uint32_t permissions, std::string_view content) {
    return add({.name = name, .mode = S_IFREG | permissions}, content);
}

// `descend`: a folder of the same file system.
Outcome<void> CpioArchive::add_path(const std::filesystem::path &path, const std::string &name, dev_t file_system,
                                    bool &descend) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
        return errno == ENOENT ? Outcome<void>{} : system_failure(path.string(), errno);  // gone meanwhile
    }
    const Entry entry{
        .name = name, .mode = status.st_mode, .user = status.st_uid, .group = status.st_gid, .device = status.st_rdev};
    descend = S_ISDIR(status.st_mode) && status.st_dev == file_system;
    if (S_ISLNK(status.st_mode)) {
        std::error_code error;
        const std::string target = std::filesystem::read_symlink(path, error).string();
        return error ? system_failure(path.string(), error.value()) : add(entry, target);
    }
    if (!S_ISREG(status.st_mode)) {
        return S_ISSOCK(status.st_mode) ? Outcome<void>{} : add(entry, {});
    }
    if (status.st_dev != file_system || status.st_size == 0) {
        return add(entry, {});
    }
    const MappedFile file = TRY(MappedFile::open(path.string()));
    return add(entry, file.text());
}

Outcome<void> CpioArchive::add_tree(const std::filesystem::path &root, const std::vector<std::string> &left_out) {
    struct stat status {};
    if (stat(root.c_str(), &status) != 0) {
        return system_failure(root.string(), errno);
    }
    std::error_code error;
    std::filesystem::recursive_directory_iterator place(root, error);
    for (; !error && place != std::filesystem::end(place); place.increment(error)) {
        const std::string name = place->path().lexically_relative(root).string();
        bool descend = false;
        TRY(add_path(place->path(), name, status.st_dev, descend));
        if (!descend || std::ranges::find(left_out, name) != left_out.end()) {
            place.disable_recursion_pending();
        }
    }
    return error ? system_failure(root.string(), error.value()) : Outcome<void>{};
}

Outcome<void> CpioArchive::finish() { return add({.name = std::string(last_name)}, {}); }

}  // namespace ringfold::tools
