// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/wall_clock.hpp"

#include "hypervisor/lib/log.hpp"
#include "hypervisor/platform/real_time_clock.hpp"
#include "hypervisor/platform/time.hpp"

#include <atomic>

namespace ringfold {

namespace {

constinit std::atomic<uint64_t> base = 0;  // one word, nothing hangs on it: relaxed

Result<uint64_t> read_seconds() { return seconds_since_1970(TRY(read_real_time_clock())); }

}  // namespace

void initialise_wall_clock() {
    const Result<uint64_t> seconds = read_seconds();
    if (!seconds.ok()) {
        log_warning("time: the machine's clock shows no date ({})", seconds.error());
        return;
    }
    set_wall_clock_base(seconds.value() * nanoseconds_per_second - nanoseconds_since_boot());
    log_info("time: {} s since 1970 by the machine's clock", seconds.value());
}

uint64_t wall_clock_base() { return base.load(std::memory_order_relaxed); }

void set_wall_clock_base(uint64_t nanoseconds) { base.store(nanoseconds, std::memory_order_relaxed); }

}  // namespace ringfold
