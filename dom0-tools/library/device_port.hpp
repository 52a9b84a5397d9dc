// SPDX-License-Identifier: Apache-2.0
//
// /dev/ringfold, as <linux/ringfold.h> describes it.
#pragma once

#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/hypercall_port.hpp"

#include <memory>
#include <string>

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

  private:
    explicit DevicePort(Descriptor device) : device_(std::move(device)) {}

    Descriptor device_;
};

}  // namespace ringfold::tools
