// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace ringfold::tools {

namespace {

// Puts zeros where the file does not reach any more. What is not that ends the program, when the instruction is tried
// again.
void map_zeros(int signal, siginfo_t *info, void *) {
    const int error = errno;
    const auto size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    void *const page = reinterpret_cast<void *>(reinterpret_cast<uintptr_t>(info->si_addr) & ~(size - 1));
    if (info->si_code != BUS_ADRERR ||
        mmap(page, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
        ::signal(signal, SIG_DFL);
    }
    errno = error;
}

}  // namespace

void survive_truncation() {
    struct sigaction action {};
    action.sa_sigaction = map_zeros;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, nullptr);
}

Outcome<void> MappedFile::check_unchanged() const {
    struct stat now {};
    if (!file_.is_open() || fstat(file_.number(), &now) != 0) {
        return {};
    }
    const bool same = now.st_size == status_.st_size && now.st_mtim.tv_sec == status_.st_mtim.tv_sec &&
                      now.st_mtim.tv_nsec == status_.st_mtim.tv_nsec;
    return same ? Outcome<void>{} : Failure{Kind::busy, fmt::format("{}: changed while it was read", path_)};
}

Outcome<MappedFile> MappedFile::open(const std::string &path) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!file.is_open() || fstat(file.number(), &status) < 0) {
        return system_failure(path, errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return Failure{Kind::failed, fmt::format("{}: not a regular file", path)};
    }
    MappedFile mapped;
    mapped.path_ = path;
    mapped.status_ = status;
    if (status.st_size == 0) {
        return mapped;
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    void *address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number(), 0);
    if (address == MAP_FAILED) {
        return system_failure(path, errno);
    }
    mapped.bytes_ = {static_cast<const std::byte *>(address), size};
    mapped.file_ = std::move(file);
    return mapped;
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) {
        munmap(const_cast<std::byte *>(bytes_.data()), bytes_.size());
    }
}

}  // namespace ringfold::tools
