// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/trace_reader.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace ringfold::tools {

namespace {

// The mapping may be read-only: only loads are made through the reference, which C++20 wants to be to what may change.
uint64_t load_written(std::span<const std::byte> ring, std::memory_order order) {
    const auto *header = reinterpret_cast<const ringfold_trace_ring *>(ring.data());
    return std::atomic_ref<uint64_t>(const_cast<uint64_t &>(header->written)).load(order);
}

}  // namespace

TraceReader::TraceReader(std::span<const std::byte> ring)
    : ring_(ring), capacity_(ring.size() / sizeof(ringfold_trace_record) - RINGFOLD_TRACE_HEADER_RECORDS) {}

const ringfold_trace_record &TraceReader::place_of(uint64_t number) const {
    return reinterpret_cast<const ringfold_trace_record *>(
        ring_.data())[RINGFOLD_TRACE_HEADER_RECORDS + number % capacity_];
}

void TraceReader::skip_to(uint64_t number) {
    if (number > next_) {
        lost_ += number - next_;
        untold_ += number - next_;
        next_ = number;
    }
}

void TraceReader::read(std::vector<ringfold_trace_record> &records) {
    const uint64_t written = load_written(ring_, std::memory_order_acquire);
    skip_to(written > capacity_ ? written - capacity_ : 0);
    const uint64_t first = next_;
    std::vector<ringfold_trace_record> copies(written - first);
    for (uint64_t number = first; number < written; ++number) {
        std::memcpy(&copies[number - first], &place_of(number), sizeof copies[0]);
    }
    // The copies are made before the number is looked at again; pairs with the writer's fence before each record.
    std::atomic_thread_fence(std::memory_order_acquire);
    const uint64_t whole = first_whole_record(load_written(ring_, std::memory_order_relaxed), capacity_);
    skip_to(std::min(whole, written));
    if (next_ == written) {
        return;
    }
    if (untold_ != 0) {
        records.push_back({copies[next_ - first].tsc, trace_gap, 0, 0, {untold_, 0}});
        untold_ = 0;
    }
    records.insert(records.end(), copies.begin() + static_cast<std::ptrdiff_t>(next_ - first), copies.end());
    next_ = written;
}

}  // namespace ringfold::tools
