// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/mapped_file.hpp"

#include "dom0-tools/library/descriptor.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

namespace ringfold::tools {

Outcome<MappedFile> MappedFile::open(const std::string &path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!file.is_open() || fstat(file.number(), &status) < 0) {
        return system_failure(path, errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return Failure{Kind::failed, fmt::format("{}: not a regular file", path)};
    }
    MappedFile mapped;
    if (status.st_size == 0) {
        return mapped;
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    void *address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number(), 0);
    if (address == MAP_FAILED) {
        return system_failure(path, errno);
    }
    mapped.bytes_ = {static_cast<const std::byte *>(address), size};
    return mapped;
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) {
        munmap(const_cast<std::byte *>(bytes_.data()), bytes_.size());
    }
}

}  // namespace ringfold::tools
