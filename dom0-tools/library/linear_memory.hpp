// SPDX-License-Identifier: Apache-2.0
//
// A stopped guest's memory at the linear addresses of one of its roots.
#pragma once

#include "dom0-tools/library/hypervisor.hpp"

#include <array>
#include <span>
#include <unordered_map>

namespace ringfold::tools {

class LinearMemory {
  public:
    LinearMemory(const Hypervisor &hypervisor, DomainId domain) : hypervisor_(hypervisor), domain_(domain) {}

    // `root`: a machine frame. Copies as much as is mapped from `address` on; how much that was.
    [[nodiscard]] std::size_t read(uint64_t root, uint64_t address, std::span<std::byte> bytes);
    // All of it, or a failure with what is not mapped, or not to be written: page tables are not. Whether the guest
    // itself may write there does not matter.
    [[nodiscard]] Outcome<void> write(uint64_t root, uint64_t address, std::span<const std::byte> bytes);
    // The guest has run: what was read of its page tables may be old.
    void forget() { tables_.clear(); }

  private:
    using Page = std::array<std::byte, page_size>;

    // The machine frame behind a linear address.
    [[nodiscard]] Outcome<uint64_t> frame_at(uint64_t root, uint64_t address);
    [[nodiscard]] Outcome<const Page *> table(uint64_t frame);

    const Hypervisor &hypervisor_;
    DomainId domain_;
    std::unordered_map<uint64_t, Page> tables_;  // by machine frame
};

}  // namespace ringfold::tools
