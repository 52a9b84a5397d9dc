// SPDX-License-Identifier: Apache-2.0
//
// The fuzzer's input, taken bit by bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

class FuzzedBytes {
  public:
    explicit FuzzedBytes(std::span<const uint8_t> rest) : rest_(rest) {}

    [[nodiscard]] bool left() const { return !rest_.empty(); }

    // Little-endian; 0 where the input ends.
    uint32_t number(std::size_t size) {
        uint32_t value = 0;
        std::memcpy(&value, rest_.data(), std::min(size, rest_.size()));
        rest_ = rest_.subspan(std::min(size, rest_.size()));
        return value;
    }

    // Four bytes somewhere in an object that others may write to.
    void scribble(void *shared, std::size_t size) {
        const std::size_t place = number(size > 65536 ? 3 : 2) % size;
        const uint32_t value = number(4);
        std::memcpy(static_cast<char *>(shared) + place, &value, std::min(sizeof value, size - place));
    }

  private:
    std::span<const uint8_t> rest_;
};
