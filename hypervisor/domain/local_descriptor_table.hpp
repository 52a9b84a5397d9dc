// SPDX-License-Identifier: Apache-2.0
//
// A vCPU's LDT: a checked copy in frames of the hypervisor's, mapped read-only in the gate while the vCPU runs.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace ringfold {

class LocalDescriptorTable {
  public:
    static constexpr uint32_t descriptors_per_page = page_size / 8;
    static constexpr uint32_t page_count = 16;
    static constexpr uint32_t max_descriptors = page_count * descriptors_per_page;

    LocalDescriptorTable() = default;
    LocalDescriptorTable(const LocalDescriptorTable &) = delete;
    LocalDescriptorTable &operator=(const LocalDescriptorTable &) = delete;
    ~LocalDescriptorTable() { clear(); }

    // Makes room for `count` empty descriptors and drops what was there. out_of_memory leaves an empty table.
    [[nodiscard]] Result<void> reset(uint32_t count);
    // Writes descriptors from `first` on; the caller has checked them (descriptor::guest_may_have).
    void write(uint32_t first, std::span<const uint64_t> descriptors);
    void clear();

    [[nodiscard]] uint32_t count() const { return count_; }
    // The frame of page `page`; only below pages().
    [[nodiscard]] MachineFrame frame(uint32_t page) const { return frames_[page]; }
    [[nodiscard]] uint32_t pages() const { return (count_ + descriptors_per_page - 1) / descriptors_per_page; }

  private:
    std::array<MachineFrame, page_count> frames_{};
    uint32_t count_ = 0;
};

}  // namespace ringfold
