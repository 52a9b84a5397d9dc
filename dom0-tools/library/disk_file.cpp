// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/disk_file.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fmt/core.h>

#include <cerrno>
#include <filesystem>

namespace ringfold::tools {

namespace {

constexpr int most_tries = 16;  // others look for a free loop device, too

int flags_of(const DiskConfig &disk) { return (disk.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC; }

Outcome<Descriptor> loop_over(const DiskConfig &disk, const Descriptor &file) {
    // The loop device keeps the open file, and with it the lock: one guest writes to it, as to a block device.
    if (!disk.read_only && flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        return error == EWOULDBLOCK
                   ? Failure{Kind::busy, fmt::format("{}: somebody else uses it for writing", disk.target)}
                   : system_failure(disk.target, error);
    }
    const Descriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    int error = control.is_open() ? 0 : errno;
    for (int tries = 0; error == 0 && tries < most_tries; ++tries) {
        const int number = ioctl(control.number(), LOOP_CTL_GET_FREE);
        if (number < 0) {
            error = errno;
            break;
        }
        Descriptor device(::open(fmt::format("/dev/loop{}", number).c_str(), flags_of(disk)));
        loop_config config{};
        config.fd = static_cast<uint32_t>(file.number());
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
        if (disk.read_only) {
            config.info.lo_flags |= LO_FLAGS_READ_ONLY;
        }
        if (device.is_open() && ioctl(device.number(), LOOP_CONFIGURE, &config) == 0) {
            return device;
        }
        error = errno == EBUSY ? 0 : errno;
    }
    return system_failure(fmt::format("{}: a loop device for it", disk.target), error == 0 ? EBUSY : error);
}

}  // namespace

Outcome<Descriptor> open_disk(const DiskConfig &disk) {
    Descriptor file(::open(disk.target.c_str(), flags_of(disk)));
    struct stat status {};
    if (!file.is_open() || fstat(file.number(), &status) < 0) {
        const int error = errno;
        return Failure{Kind::configuration, system_failure(disk.target, error).text};
    }
    if (S_ISREG(status.st_mode)) {
        return loop_over(disk, file);
    }
    if (!S_ISBLK(status.st_mode)) {
        return Failure{Kind::configuration, fmt::format("{} is neither a block device nor a file", disk.target)};
    }
    return file;
}

Outcome<void> refresh_size(uint64_t block_device) {
    const std::string place = fmt::format("/sys/dev/block/{}:{}", major(block_device), minor(block_device));
    std::error_code error;
    if (!std::filesystem::exists(place + "/loop", error)) {
        return {};
    }
    const std::string path = "/dev/" + std::filesystem::canonical(place, error).filename().string();
    const Descriptor device(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!device.is_open() || ioctl(device.number(), LOOP_SET_CAPACITY) < 0) {
        return system_failure(fmt::format("{}: the size of its file", path), errno);
    }
    return {};
}

}  // namespace ringfold::tools
