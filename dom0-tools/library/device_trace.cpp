// SPDX-License-Identifier: Apache-2.0
//
// /dev/ringfold-trace.
#include "dom0-tools/library/device_port.hpp"

#include <ringfold/trace.h>

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/ringfold_trace.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>

namespace ringfold::tools {

namespace {

constexpr const char *device_path = "/dev/ringfold-trace";

class DeviceTraceRings final : public TraceRings {
  public:
    DeviceTraceRings(Descriptor device, std::span<const std::byte> rings, uint32_t cpus)
        : device_(std::move(device)), rings_(rings), cpus_(cpus) {}
    DeviceTraceRings(const DeviceTraceRings &) = delete;
    DeviceTraceRings &operator=(const DeviceTraceRings &) = delete;
    ~DeviceTraceRings() override { munmap(const_cast<std::byte *>(rings_.data()), rings_.size()); }

    [[nodiscard]] std::span<const std::byte> ring(uint32_t cpu) const override {
        const std::size_t size = rings_.size() / cpus_;
        return rings_.subspan(cpu * size, size);
    }
    [[nodiscard]] uint32_t cpus() const override { return cpus_; }

    Outcome<void> stop() override {
        int result = 0;
        do {
            result = ioctl(device_.number(), RINGFOLD_TRACE_STOP);
        } while (result < 0 && errno == EINTR);
        return result < 0 ? system_failure("ending the trace", errno) : Outcome<void>{};
    }

  private:
    Descriptor device_;
    std::span<const std::byte> rings_;
    uint32_t cpus_;
};

Failure start_failure(int error, uint32_t pages) {
    switch (error) {
        case EBUSY:
            return {Kind::busy, "somebody traces already"};
        case EPERM:
            return {Kind::permission, "this domain may not trace"};
        case ENOMEM:
            return {Kind::memory, fmt::format("no memory for rings of {} pages", pages)};
        default:
            return system_failure("starting the trace", error);
    }
}

}  // namespace

Outcome<std::unique_ptr<TraceRings>> DevicePort::start_trace(uint32_t classes, uint32_t pages) {
    Descriptor device(::open(device_path, O_RDWR | O_CLOEXEC));
    if (!device.is_open()) {
        const int error = errno;
        return error == ENOENT ? Failure{Kind::unsupported, fmt::format("this kernel has no {}", device_path)}
                               : system_failure(fmt::format("opening {}", device_path), error);
    }
    ringfold_trace_start start{};
    start.classes = classes;
    start.frames = pages;
    while (ioctl(device.number(), RINGFOLD_TRACE_START, &start) < 0) {
        if (errno != EINTR) {
            return start_failure(errno, pages);
        }
    }
    const std::size_t size = std::size_t{start.cpus} * pages * page_size;
    void *rings = mmap(nullptr, size, PROT_READ, MAP_SHARED, device.number(), 0);
    if (rings == MAP_FAILED) {
        return system_failure(fmt::format("mapping {}", device_path), errno);
    }
    return std::unique_ptr<TraceRings>(std::make_unique<DeviceTraceRings>(
        std::move(device), std::span{static_cast<const std::byte *>(rings), size}, start.cpus));
}

}  // namespace ringfold::tools
