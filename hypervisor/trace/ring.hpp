// SPDX-License-Identifier: Apache-2.0
//
// One ring of records, in frames that the tracing domain sees and may write: nothing is ever read back from them.
#pragma once

#include <ringfold/trace.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace ringfold::trace {

class Ring {
  public:
    using Page = std::array<ringfold_trace_record, RINGFOLD_TRACE_RECORDS_PER_FRAME>;
    static_assert(sizeof(Page) == 4096);
    static_assert(RINGFOLD_TRACE_HEADER_RECORDS * sizeof(ringfold_trace_record) == sizeof(ringfold_trace_ring));

    // The next page, in the order in which they stand in the ring; at most RINGFOLD_TRACE_FRAMES_MAX.
    void add(Page *page) {
        pages_[page_count_++] = page;
        capacity_ = uint64_t{page_count_} * RINGFOLD_TRACE_RECORDS_PER_FRAME - RINGFOLD_TRACE_HEADER_RECORDS;
    }
    // Fills the header in. Of a ring that has pages.
    void begin(uint32_t cpu) {
        ringfold_trace_ring &shown = header();
        shown = {.written = 0, .capacity = capacity_, .cpu = cpu, .reserved = {}};
    }

    // By one writer. True: a half of the ring was filled since it was last true.
    bool write(const ringfold_trace_record &record) {
        const uint64_t number = written_.load(std::memory_order_relaxed);
        // After the last number: who sees a part of this record, which may stand where an older one did, sees that,
        // too.
        std::atomic_thread_fence(std::memory_order_release);
        const uint64_t place = RINGFOLD_TRACE_HEADER_RECORDS + number % capacity_;
        (*pages_[place / RINGFOLD_TRACE_RECORDS_PER_FRAME])[place % RINGFOLD_TRACE_RECORDS_PER_FRAME] = record;
        written_.store(number + 1, std::memory_order_relaxed);
        // Release pairs with the reader's acquire: who sees the number sees the record.
        std::atomic_ref<uint64_t>(header().written).store(number + 1, std::memory_order_release);
        return (number + 1) % (capacity_ / 2) == 0;
    }

    [[nodiscard]] uint64_t written() const { return written_.load(std::memory_order_relaxed); }
    [[nodiscard]] uint64_t overwritten() const {
        const uint64_t count = written();
        return count > capacity_ ? count - capacity_ : 0;
    }

  private:
    [[nodiscard]] ringfold_trace_ring &header() { return reinterpret_cast<ringfold_trace_ring &>(*pages_[0]); }

    std::array<Page *, RINGFOLD_TRACE_FRAMES_MAX> pages_{};
    unsigned page_count_ = 0;
    uint64_t capacity_ = 0;
    std::atomic<uint64_t> written_ = 0;  // read by others for the status
};

}  // namespace ringfold::trace
