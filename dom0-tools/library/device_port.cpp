// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/device_port.hpp"

#include <fcntl.h>
#include <linux/ringfold.h>
#include <sys/ioctl.h>

#include <fmt/core.h>

#include <cerrno>

namespace ringfold::tools {

namespace {

uint64_t user_address(const void *object) { return reinterpret_cast<uint64_t>(object); }

// An ioctl that a signal does not end.
int control(int device, unsigned long request, void *argument) {
    int result = 0;
    do {
        result = ioctl(device, request, argument);
    } while (result < 0 && errno == EINTR);
    return result;
}

}  // namespace

Outcome<std::unique_ptr<DevicePort>> DevicePort::open(const std::string &path) {
    Descriptor device(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!device.is_open()) {
        const Failure failure = system_failure(fmt::format("opening {}", path), errno);
        const bool missing = errno == ENOENT || errno == ENODEV || errno == ENXIO;
        return Failure{failure.kind == Kind::permission ? Kind::permission : Kind::connection,
                       failure.text + (missing ? " (is this the control domain of a Ringfold machine?)" : "")};
    }
    return std::unique_ptr<DevicePort>(new DevicePort(std::move(device)));
}

Outcome<HypercallAnswer> DevicePort::request(const HypercallRequest &request) {
    ringfold_request carried{};
    carried.number = request.number;
    carried.offsets = request.offsets;
    for (std::size_t index = 0; index < request.arguments.size(); ++index) {
        carried.arguments[index] = request.arguments[index];
    }
    carried.data = user_address(request.data.data());
    carried.data_size = static_cast<uint32_t>(request.data.size());
    if (control(device_.number(), RINGFOLD_REQUEST, &carried) < 0) {
        return system_failure(fmt::format("/dev/ringfold, hypercall {}", request.number), errno);
    }
    return HypercallAnswer{carried.status, carried.value};
}

Outcome<void> DevicePort::copy(DomainId domain, CopyDirection direction, std::span<const uint64_t> frames,
                               std::span<std::byte> data) {
    ringfold_copy carried{};
    carried.domain = domain.raw();
    carried.direction = static_cast<uint32_t>(direction);
    carried.frames = user_address(frames.data());
    carried.data = user_address(data.data());
    carried.count = frames.size();
    while (ioctl(device_.number(), RINGFOLD_COPY, &carried) < 0) {
        const int error = errno;
        if (error != EINTR || carried.done > carried.count) {
            return system_failure(fmt::format("copying page {} of {} {} domain {}", carried.done + 1, frames.size(),
                                              direction == CopyDirection::in ? "to" : "from", domain.raw()),
                                  error);
        }
        carried.frames += carried.done * sizeof(uint64_t);
        carried.data += carried.done * page_size;
        carried.count -= carried.done;
        carried.done = 0;
    }
    return {};
}

Outcome<void> DevicePort::bind_virtual_irq(uint32_t irq) {
    if (ioctl(device_.number(), RINGFOLD_BIND_VIRTUAL_IRQ, static_cast<unsigned long>(irq)) < 0) {
        return system_failure(fmt::format("binding virtual interrupt {}", irq), errno);
    }
    return {};
}

Outcome<std::vector<uint32_t>> DevicePort::raised() {
    std::vector<uint32_t> numbers(64);
    const ssize_t length = read(device_.number(), numbers.data(), numbers.size() * sizeof numbers[0]);
    if (length < 0 && errno != EAGAIN && errno != EINTR) {
        return system_failure("reading /dev/ringfold", errno);
    }
    numbers.resize(length < 0 ? 0 : static_cast<std::size_t>(length) / sizeof numbers[0]);
    return numbers;
}

}  // namespace ringfold::tools
