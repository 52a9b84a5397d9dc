// SPDX-License-Identifier: Apache-2.0
//
// Reads one ring of the trace while the hypervisor writes to it, by the protocol of ringfold/trace.h.
#pragma once

#include <ringfold/trace.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ringfold::tools {

// No event of the hypervisor: stands where records are lost. Its first argument is their number.
inline constexpr uint32_t trace_gap = ~uint32_t{0};

// The first record of a ring that cannot be torn, when `written` of them are.
[[nodiscard]] constexpr uint64_t first_whole_record(uint64_t written, uint64_t capacity) {
    return written < capacity ? 0 : written + 1 - capacity;
}

class TraceReader {
  public:
    // `ring` is all pages of one ring, and outlives the reader.
    explicit TraceReader(std::span<const std::byte> ring);

    // Appends what was written since the last call. By one thread.
    void read(std::vector<ringfold_trace_record> &records);

    [[nodiscard]] uint64_t lost() const { return lost_; }

  private:
    [[nodiscard]] const ringfold_trace_record &place_of(uint64_t number) const;
    void skip_to(uint64_t number);

    std::span<const std::byte> ring_;
    uint64_t capacity_;
    uint64_t next_ = 0;
    uint64_t lost_ = 0;
    uint64_t untold_ = 0;  // of the lost: not in the records yet
};

}  // namespace ringfold::tools
