// SPDX-License-Identifier: Apache-2.0
#include "framework/nmi_watch.hpp"

#include "framework/call_buffer.hpp"
#include "framework/console.hpp"
#include "framework/format.hpp"
#include "framework/hypercall.hpp"
#include "framework/memory.hpp"
#include "framework/time.hpp"
#include "framework/verdict.hpp"

#include <ringfold/debug.h>

#include <array>

namespace guest {
namespace {

constexpr uint32_t most_offsets = 4 * page_size;
constexpr uint32_t part = page_size / sizeof(uint32_t);  // what the arguments' page of the call buffer holds
constexpr uint64_t report_interval = 500 * millisecond;

constinit std::array<uint32_t, most_offsets> histogram{};
constinit std::array<bool, most_offsets> told{};

// A line of words, printed when it is full.
class Line {
  public:
    explicit Line(const char *title) : title_(title) {}
    ~Line() { flush(); }
    Line(const Line &) = delete;
    Line &operator=(const Line &) = delete;

    void add(uint32_t offset) { append(format(word_, sizeof word_, " %x", offset)); }
    void add(uint32_t offset, uint32_t count) { append(format(word_, sizeof word_, " %x*%u", offset, count)); }

  private:
    void append(size_t length) {
        if (used_ + length >= sizeof text_) {
            flush();
        }
        for (size_t i = 0; i <= length; ++i) {
            text_[used_ + i] = word_[i];
        }
        used_ += length;
    }
    void flush() {
        if (used_ != 0) {
            print("%s:%s\n", title_, text_);
        }
        used_ = 0;
    }

    const char *title_;
    char word_[24] = {};
    char text_[160] = {};
    size_t used_ = 0;
};

uint32_t read_histogram() {
    uint32_t size = most_offsets;
    for (uint32_t first = 0; first < size; first += part) {
        const Result result = hypercall(RINGFOLD_HYPERCALL_DEBUG_HISTOGRAM, first, part, 0);
        if (!result.ok()) {
            fatal_failure("debug_histogram: status %ld", result.status);
        }
        for (uint32_t i = 0; i < part; ++i) {
            histogram[first + i] = call_buffer<const uint32_t>()[i];
        }
        size = static_cast<uint32_t>(result.value);
    }
    return size;
}

void tell_news() {
    Line line{"hit"};
    const uint32_t size = read_histogram();
    for (uint32_t offset = 0; offset < size; ++offset) {
        if (histogram[offset] != 0 && !told[offset]) {
            told[offset] = true;
            line.add(offset);
        }
    }
}

void tell_all() {
    Line line{"histogram"};
    const uint32_t size = read_histogram();
    for (uint32_t offset = 0; offset < size; ++offset) {
        if (histogram[offset] != 0) {
            line.add(offset, histogram[offset]);
        }
    }
}

struct Events {
    uint64_t nmis;
    uint64_t machine_checks;
    bool operator==(const Events &) const = default;
};
Events count_events() {
    check_status(hypercall(RINGFOLD_HYPERCALL_COUNTERS_READ, 0), 0, "counters_read");
    const auto *counters = call_buffer<const ringfold_counters>();
    return {counters->nmis, counters->machine_checks};
}

}  // namespace

void repeat_under_nmis(void (*round)()) {
    const uint64_t begin = system_time();
    uint64_t rounds = 0;
    Events last = count_events();
    for (bool go_on = true; go_on;) {
        const uint64_t report = system_time() + report_interval;
        while (system_time() < report) {
            round();
            ++rounds;
        }
        if (is_debug_hypervisor()) {
            tell_news();
        }
        const Events now = count_events();
        go_on = now != last || system_time() - begin < 2 * report_interval;
        last = now;
    }
    if (is_debug_hypervisor()) {
        tell_all();
    }
    print("rounds: %lu, NMIs: %lu, machine checks: %lu\n", rounds, last.nmis, last.machine_checks);
}

}  // namespace guest
