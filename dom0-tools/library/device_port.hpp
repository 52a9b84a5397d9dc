// SPDX-License-Identifier: Apache-2.0
//
// /dev/ringfold, /dev/ringfold-backend and /dev/ringfold-trace, as <linux/ringfold.h>, <linux/ringfold_backend.h> and
// <linux/ringfold_trace.h> describe them.
#pragma once

#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/hypercall_port.hpp"

#include <memory>
#include <string>

struct ringfold_backend_device;

namespace ringfold::tools {

class DevicePort final : public HypercallPort {
  public:
    [[nodiscard]] static Outcome<std::unique_ptr<DevicePort>> open(const std::string &path = "/dev/ringfold");

    Outcome<HypercallAnswer> request(const HypercallRequest &request) override;
    Outcome<void> copy(DomainId domain, CopyDirection direction, std::span<const uint64_t> frames,
                       std::span<std::byte> data) override;
    Outcome<void> bind_virtual_irq(uint32_t irq) override;
    Outcome<std::vector<uint32_t>> raised() override;
    [[nodiscard]] int descriptor() const override { return device_.number(); }
    Outcome<ControlPlace> open_devices(DomainId domain) override;
    Outcome<void> add_disk(DomainId domain, const DiskConfig &disk) override;
    Outcome<void> remove_disk(DomainId domain, uint32_t number, bool force) override;
    Outcome<void> reset_disk(DomainId domain, uint32_t number) override;
    Outcome<uint64_t> resize_disk(DomainId domain, uint32_t number) override;
    Outcome<std::vector<DiskState>> disks(DomainId domain) override;
    Outcome<void> add_network(DomainId domain, const NetworkConfig &network) override;
    Outcome<void> remove_network(DomainId domain, uint32_t number, bool force) override;
    Outcome<void> reset_network(DomainId domain, uint32_t number) override;
    Outcome<std::vector<NetworkState>> networks(DomainId domain) override;
    Outcome<void> give_order(DomainId domain, uint32_t order, uint32_t argument) override;
    Outcome<ControlMemory> control_memory() override;
    Outcome<void> set_control_memory(FrameCount target) override;
    Outcome<void> close_devices(DomainId domain) override;
    Outcome<std::unique_ptr<TraceRings>> start_trace(uint32_t classes, uint32_t pages) override;

  private:
    struct Which {  // of a domain's devices
        DomainId domain;
        uint16_t kind;  // RINGFOLD_DEVICE_*
        uint32_t number;
    };

    // `doing` is what the ioctl does, for people.
    Outcome<void> ask(unsigned long ioctl_number, const Which &which, uint32_t flags, std::string_view doing);
    Outcome<std::vector<ringfold_backend_device>> devices(DomainId domain, uint16_t kind);
    Outcome<ringfold_backend_device> disk(DomainId domain, uint32_t number);

    DevicePort(Descriptor device, Descriptor backend) : device_(std::move(device)), backend_(std::move(backend)) {}

    Descriptor device_;
    Descriptor backend_;  // of a kernel that serves no devices: not open
};

}  // namespace ringfold::tools
