// SPDX-License-Identifier: Apache-2.0
//
// The first frames of a guest while it is built: what they will hold, and their machine frames.
#pragma once

#include "dom0-tools/library/hypervisor.hpp"
#include "hypervisor/lib/units.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace ringfold::tools {

class GuestMemory {
  public:
    // Pseudo-physical frame n is machine frame frames[n]; the first `filled` of them can be written.
    [[nodiscard]] static Outcome<GuestMemory> create(std::vector<uint64_t> frames, FrameCount filled);

    [[nodiscard]] MachineFrame operator[](GuestFrame frame) const { return MachineFrame{frames_[frame.raw()]}; }
    [[nodiscard]] uint64_t *words(GuestFrame frame) const;
    [[nodiscard]] std::span<const uint64_t> frames() const { return frames_; }
    // At an address that counts from frame 0.
    void write(uint64_t physical, std::span<const std::byte> bytes) const;
    // The same for bytes that stay as they are until copy_to(): whole pages of them are not copied twice.
    void lend(uint64_t physical, std::span<const std::byte> bytes) const;
    // All pages that were written; a new domain's memory is zero.
    [[nodiscard]] Outcome<void> copy_to(const Hypervisor &hypervisor, DomainId domain) const;

    [[nodiscard]] std::vector<uint64_t> take_frames() { return std::move(frames_); }

  private:
    struct Unmap {
        std::size_t size;
        void operator()(std::byte *begin) const;
    };

    GuestMemory(std::vector<uint64_t> frames, FrameCount filled, std::byte *pages)
        : frames_(std::move(frames)),
          filled_(filled),
          pages_(pages, Unmap{filled.bytes()}),
          sources_(std::make_unique<const std::byte *[]>(filled.raw())) {}

    // The page of ours that this one will hold.
    [[nodiscard]] std::byte *own_page(uint64_t frame) const;

    std::vector<uint64_t> frames_;
    FrameCount filled_;
    std::unique_ptr<std::byte[], Unmap> pages_;     // takes memory only where it was written
    std::unique_ptr<const std::byte *[]> sources_;  // by frame: nullptr, one of `pages_`, or one that was lent
};

}  // namespace ringfold::tools
