// SPDX-License-Identifier: Apache-2.0
//
// The newest of what a domain wrote to its console, for tools. Memory for it is taken when there is something to keep.
#pragma once

#include "hypervisor/mm/heap.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ringfold {

class OutputRing {
  public:
    static constexpr std::size_t capacity = 8192;

    void write(std::span<const char> text) {
        if (!bytes_) {
            // Without memory it is lost, like what is overwritten.
            if (auto bytes = create_owned<Bytes>(); bytes.ok()) {
                bytes_ = bytes.take();
                oldest_ = written_;
            }
        }
        for (const char c : text) {
            if (bytes_) {
                (*bytes_)[written_ % capacity] = c;
            }
            ++written_;
        }
    }

    // Copies bytes from `position` on, moved to where there are some, and moves it behind them.
    std::size_t read(uint64_t &position, std::span<char> target) const {
        const uint64_t begin =
            !bytes_ ? written_ : std::max(oldest_, written_ - std::min<uint64_t>(written_, capacity));
        position = std::clamp(position, begin, written_);
        std::size_t copied = 0;
        while (copied < target.size() && position < written_) {
            target[copied++] = (*bytes_)[position++ % capacity];
        }
        return copied;
    }

    [[nodiscard]] uint64_t written() const { return written_; }

  private:
    using Bytes = std::array<char, capacity>;

    Owned<Bytes> bytes_;
    uint64_t written_ = 0;  // ever
    uint64_t oldest_ = 0;   // the first that was kept
};

}  // namespace ringfold
