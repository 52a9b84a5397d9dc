// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/trace_recording.hpp"

#include <algorithm>

namespace ringfold::tools {

TraceClock::TraceClock(TraceMoment first, TraceMoment last) : first_(first.tsc) {
    if (last.tsc > first.tsc && last.nanoseconds > first.nanoseconds) {
        nanoseconds_per_tick_ =
            static_cast<double>(last.nanoseconds - first.nanoseconds) / static_cast<double>(last.tsc - first.tsc);
    }
}

uint64_t TraceClock::nanoseconds(uint64_t tsc) const {
    return tsc > first_ ? static_cast<uint64_t>(static_cast<double>(tsc - first_) * nanoseconds_per_tick_) : 0;
}

void TraceRecording::add(uint32_t cpu, std::span<const ringfold_trace_record> records) {
    cpus[cpu].insert(cpus[cpu].end(), records.begin(), records.end());
    size += records.size();
    while (size > limit) {
        drop_oldest();
    }
}

void TraceRecording::drop_oldest() {
    const auto is_older = [](const auto &one, const auto &other) {
        return !one.empty() && (other.empty() || one.front().tsc < other.front().tsc);
    };
    std::ranges::min_element(cpus, is_older)->pop_front();
    --size;
    ++dropped;
}

void TraceRecording::name(uint16_t domain, const std::string &name) {
    std::vector<std::string> &known = names[domain];
    if (std::ranges::find(known, name) == known.end()) {
        known.push_back(name);
    }
}

std::string TraceRecording::name_of(uint16_t domain) const {
    const auto found = names.find(domain);
    if (found == names.end()) {
        return "d" + std::to_string(domain);
    }
    std::string text;
    for (const std::string &name : found->second) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

}  // namespace ringfold::tools
