// SPDX-License-Identifier: Apache-2.0
//
// What was typed and not yet read: the newest bytes are dropped, and counted, when the reader does not keep up.
#pragma once

#include "hypervisor/lib/byte_queue.hpp"

#include <cstdint>
#include <span>

namespace ringfold {

class InputBuffer : public ByteQueue<512> {
  public:
    [[nodiscard]] constexpr uint64_t lost() const { return lost_; }

    // As put(), for a source that cannot wait: the rest is lost.
    constexpr void put_or_lose(std::span<const char> bytes) { lost_ += bytes.size() - put(bytes); }

  private:
    uint64_t lost_ = 0;
};

}  // namespace ringfold
