// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/device_port.hpp"

#include "dom0-tools/library/disk_file.hpp"
#include "dom0-tools/library/network_bridge.hpp"

#include <fcntl.h>
#include <linux/ringfold.h>
#include <linux/ringfold_backend.h>
#include <ringfold/device.h>
#include <sys/ioctl.h>

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

namespace ringfold::tools {

namespace {

std::string_view state_text(const ringfold_backend_device &device) {
    switch (device.back_state) {
        case RINGFOLD_STATE_OFFERED:
            return "offered";
        case RINGFOLD_STATE_CONNECTED:
            return device.front_state == RINGFOLD_STATE_CONNECTED ? "connected" : "connecting";
        case RINGFOLD_STATE_CLOSING:
            return "leaving";
        default:
            return device.error == 0 ? "closed" : "broken";
    }
}

DiskState disk_state(const ringfold_backend_device &device) {
    return {.number = device.number,
            .read_only = (device.flags & RINGFOLD_BACKEND_READ_ONLY) != 0,
            .state = std::string(state_text(device)),
            .queues = device.queues,
            .sectors = device.sectors,
            .requests = device.requests,
            .bytes = device.bytes};
}

NetworkState network_state(const ringfold_backend_device &device) {
    return {.number = device.number,
            .state = std::string(state_text(device)),
            .queues = device.queues,
            .sent_packets = device.requests,
            .sent_bytes = device.bytes,
            .received_packets = device.received,
            .received_bytes = device.received_bytes};
}

uint64_t user_address(const void *object) { return reinterpret_cast<uint64_t>(object); }

constexpr auto memory_target_file = "/sys/hypervisor/memory_target";
constexpr auto memory_maximum_file = "/sys/hypervisor/memory_maximum";

// A file of the kernel with a number of KiB.
Outcome<FrameCount> read_memory_file(const char *path) {
    uint64_t kibibytes = 0;
    if (std::ifstream(path) >> kibibytes) {
        return FrameCount{kibibytes / (page_size / 1024)};
    }
    return Failure{Kind::unsupported, fmt::format("this kernel keeps its memory: it has no {}", path)};
}

// Of a device that was to be added.
Failure device_failure(const std::string &doing, int error) {
    switch (error) {
        case EEXIST:
            return {Kind::exists, doing + ": the guest has one of this name or number already"};
        case ENOENT:
            return {Kind::busy, doing + ": the guest has ended"};
        case ENOSPC:
            return {Kind::busy, fmt::format("{}: the guest has {} devices already, which is the most", doing,
                                            RINGFOLD_CONTROL_DEVICES)};
        case ENOBUFS:
            return {Kind::busy,
                    doing + ": the control domain's grant table has no room for its queues; queues=1 takes the least"};
        default:
            return system_failure(doing, error);
    }
}

std::string text_of(uint16_t kind, uint32_t number) {
    return kind == RINGFOLD_DEVICE_BLOCK ? "disk " + disk_name(number) : fmt::format("network interface {}", number);
}

Failure not_there(uint16_t kind, uint32_t number) { return {Kind::not_found, "there is no " + text_of(kind, number)}; }

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
    Descriptor backend(::open("/dev/ringfold-backend", O_RDWR | O_CLOEXEC));
    return std::unique_ptr<DevicePort>(new DevicePort(std::move(device), std::move(backend)));
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

Outcome<ControlPlace> DevicePort::open_devices(DomainId domain) {
    if (!backend_.is_open()) {
        return Failure{Kind::unsupported, "this kernel serves no devices: it has no /dev/ringfold-backend"};
    }
    ringfold_backend_domain request{};
    request.domain = domain.raw();
    if (control(backend_.number(), RINGFOLD_BACKEND_OPEN, &request) < 0) {
        return system_failure(fmt::format("a control page for domain {}", domain.raw()), errno);
    }
    return ControlPlace{request.reference, request.port};
}

Outcome<void> DevicePort::add_disk(DomainId domain, const DiskConfig &disk) {
    const Descriptor device = TRY(open_disk(disk));
    ringfold_backend_block request{};
    request.domain = domain.raw();
    request.number = disk.number;
    request.descriptor = device.number();
    request.flags = disk.read_only ? RINGFOLD_BACKEND_READ_ONLY : 0;
    request.queue_limit = disk.queues;
    request.rate = disk.rate;
    if (control(backend_.number(), RINGFOLD_BACKEND_ADD_BLOCK, &request) < 0) {
        const int error = errno;
        const std::string doing = fmt::format("disk {} ({})", disk_name(disk.number), disk.target);
        return error == EBUSY ? Failure{Kind::busy, doing + ": somebody else uses it for writing"}
                              : device_failure(doing, error);
    }
    return {};
}

Outcome<void> DevicePort::remove_disk(DomainId domain, uint32_t number, bool force) {
    return ask(RINGFOLD_BACKEND_REMOVE, {domain, RINGFOLD_DEVICE_BLOCK, number}, force ? RINGFOLD_BACKEND_FORCE : 0,
               "removing");
}

Outcome<void> DevicePort::reset_disk(DomainId domain, uint32_t number) {
    return ask(RINGFOLD_BACKEND_RESET, {domain, RINGFOLD_DEVICE_BLOCK, number}, 0, "resetting");
}

Outcome<uint64_t> DevicePort::resize_disk(DomainId domain, uint32_t number) {
    const ringfold_backend_device before = TRY(disk(domain, number));
    TRY(refresh_size(before.block_device));
    TRY(ask(RINGFOLD_BACKEND_RESIZE, {domain, RINGFOLD_DEVICE_BLOCK, number}, 0, "resizing"));
    return TRY(disk(domain, number)).sectors;
}

Outcome<std::vector<DiskState>> DevicePort::disks(DomainId domain) {
    std::vector<DiskState> found;
    for (const ringfold_backend_device &device : TRY(devices(domain, RINGFOLD_DEVICE_BLOCK))) {
        found.push_back(disk_state(device));
    }
    return found;
}

Outcome<void> DevicePort::add_network(DomainId domain, const NetworkConfig &network) {
    ringfold_backend_network request{};
    request.domain = domain.raw();
    request.number = network.number;
    std::ranges::copy(network.address->bytes, request.address);
    request.mtu = network.mtu;
    request.rate = network.rate;
    request.queue_limit = network.queues;
    const std::string name = interface_name(domain.raw(), network.number);
    if (control(backend_.number(), RINGFOLD_BACKEND_ADD_NETWORK, &request) < 0) {
        return device_failure(fmt::format("network interface {}", name), errno);
    }
    const Outcome<void> plugged = plug_in(name, network.bridge);
    if (!plugged.ok()) {
        // What was wrong is told; that it cannot be removed either would only hide it.
        (void)remove_network(domain, network.number, true);
    }
    return plugged;
}

Outcome<void> DevicePort::remove_network(DomainId domain, uint32_t number, bool force) {
    return ask(RINGFOLD_BACKEND_REMOVE, {domain, RINGFOLD_DEVICE_NETWORK, number}, force ? RINGFOLD_BACKEND_FORCE : 0,
               "removing");
}

Outcome<void> DevicePort::reset_network(DomainId domain, uint32_t number) {
    return ask(RINGFOLD_BACKEND_RESET, {domain, RINGFOLD_DEVICE_NETWORK, number}, 0, "resetting");
}

Outcome<std::vector<NetworkState>> DevicePort::networks(DomainId domain) {
    std::vector<NetworkState> found;
    for (const ringfold_backend_device &device : TRY(devices(domain, RINGFOLD_DEVICE_NETWORK))) {
        found.push_back(network_state(device));
        found.back().bridge = bridge_of(interface_name(domain.raw(), device.number));
    }
    return found;
}

Outcome<void> DevicePort::ask(unsigned long ioctl_number, const Which &which, uint32_t flags, std::string_view doing) {
    ringfold_backend_remove request{};
    request.domain = which.domain.raw();
    request.kind = which.kind;
    request.number = static_cast<uint16_t>(which.number);
    request.flags = flags;
    if (control(backend_.number(), ioctl_number, &request) == 0) {
        return {};
    }
    const int error = errno;
    return error == ENODEV || error == ENOENT
               ? not_there(which.kind, which.number)
               : system_failure(fmt::format("{} {}", doing, text_of(which.kind, which.number)), error);
}

Outcome<ringfold_backend_device> DevicePort::disk(DomainId domain, uint32_t number) {
    for (const ringfold_backend_device &device : TRY(devices(domain, RINGFOLD_DEVICE_BLOCK))) {
        if (device.number == number) {
            return device;
        }
    }
    return not_there(RINGFOLD_DEVICE_BLOCK, number);
}

Outcome<std::vector<ringfold_backend_device>> DevicePort::devices(DomainId domain, uint16_t kind) {
    std::vector<ringfold_backend_device> found(RINGFOLD_CONTROL_DEVICES);
    ringfold_backend_list request{};
    request.domain = domain.raw();
    request.count = static_cast<uint32_t>(found.size());
    request.devices = user_address(found.data());
    if (control(backend_.number(), RINGFOLD_BACKEND_LIST, &request) < 0) {
        const int error = errno;
        if (error != ENOENT) {
            return system_failure("listing devices", error);
        }
        request.count = 0;  // Nobody has opened devices for it: hvd did not make it.
    }
    found.resize(std::min<std::size_t>(request.count, found.size()));
    std::erase_if(found, [&](const ringfold_backend_device &device) { return device.kind != kind; });
    return found;
}

Outcome<void> DevicePort::give_order(DomainId domain, uint32_t order, uint32_t argument) {
    ringfold_backend_order request{};
    request.domain = domain.raw();
    request.order = order;
    request.argument = argument;
    if (control(backend_.number(), RINGFOLD_BACKEND_ORDER, &request) == 0) {
        return {};
    }
    const int error = errno;
    if (error == ENOENT || error == EBADF) {
        return Failure{Kind::not_found, "it has no control page"};
    }
    if (error == ENOTCONN) {
        return Failure{Kind::busy,
                       "it does not listen: its kernel has no driver for the control page, or is not that far"};
    }
    return system_failure(fmt::format("telling domain {}", domain.raw()), error);
}

Outcome<ControlMemory> DevicePort::control_memory() {
    return ControlMemory{.target = TRY(read_memory_file(memory_target_file)),
                         .maximum = TRY(read_memory_file(memory_maximum_file))};
}

Outcome<void> DevicePort::set_control_memory(FrameCount target) {
    const Descriptor file(::open(memory_target_file, O_WRONLY | O_CLOEXEC));
    const std::string text = fmt::format("{}\n", target.bytes() >> 10);
    if (!file.is_open() || write(file.number(), text.data(), text.size()) < 0) {
        return system_failure(memory_target_file, errno);
    }
    return {};
}

Outcome<void> DevicePort::close_devices(DomainId domain) {
    const unsigned long number = domain.raw();
    if (!backend_.is_open() || ioctl(backend_.number(), RINGFOLD_BACKEND_CLOSE, number) == 0 || errno == ENOENT) {
        return {};
    }
    return system_failure(fmt::format("taking the devices of domain {} away", domain.raw()), errno);
}

}  // namespace ringfold::tools
