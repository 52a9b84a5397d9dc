// SPDX-License-Identifier: Apache-2.0
//
// The text of Chrome's trace JSON: one line for each event, and the names of all tracks that have one.
#pragma once

#include "dom0-tools/library/trace_export.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>

namespace ringfold::tools {

// domain << 16 | vCPU; all ones: none.
using TracedVcpu = uint64_t;
inline constexpr TracedVcpu no_vcpu = ~TracedVcpu{0};

// A thread of a process, as viewers call it.
struct Track {
    uint32_t process = 0;
    uint32_t thread = 0;
    auto operator<=>(const Track &) const = default;
};

[[nodiscard]] Track cpu_track(std::size_t cpu);
[[nodiscard]] Track vcpu_track(TracedVcpu vcpu);

// Text of JSON, handed on in pieces. After a failure nothing is written any more.
class Pieces {
  public:
    explicit Pieces(const TraceSink &sink) : sink_(sink) {}

    template <typename... Arguments>
    void add(fmt::format_string<Arguments...> format, Arguments &&...arguments) {
        fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
        if (text_.size() >= piece_size) {
            hand_on();
        }
    }
    Outcome<void> end() {
        hand_on();
        return failure_ ? Outcome<void>{*failure_} : Outcome<void>{};
    }
    [[nodiscard]] bool failed() const { return failure_.has_value(); }

  private:
    static constexpr std::size_t piece_size = std::size_t{1} << 16;

    void hand_on() {
        if (!failure_) {
            const Outcome<void> taken = sink_(text_);
            if (!taken.ok()) {
                failure_ = taken.error();
            }
        }
        text_.clear();
    }

    const TraceSink &sink_;
    std::string text_;
    std::optional<Failure> failure_;
};

class ChromeEvents {
  public:
    ChromeEvents(const TraceRecording &recording, const TraceSink &sink);

    // `arguments` are members of an object, as JSON.
    void slice(Track track, std::string_view category, std::string_view name, uint64_t begin, uint64_t end,
               std::string_view arguments);
    void instant(Track track, std::string_view category, std::string_view name, uint64_t tsc,
                 std::string_view arguments);
    [[nodiscard]] std::string vcpu_name(TracedVcpu vcpu) const;
    [[nodiscard]] bool failed() const { return pieces_.failed(); }
    // Nothing comes behind it.
    Outcome<TraceExportSummary> end();

  private:
    void next() { pieces_.add("{}\n", std::exchange(is_first_, false) ? "" : ","); }
    uint32_t number_of(Track track);
    void name_process(uint32_t process);
    void name_track(std::string_view what, Track track, std::string_view name);
    void sort_track(std::string_view what, Track track, uint32_t index);

    const TraceRecording &recording_;
    TraceClock clock_;
    Pieces pieces_;
    TraceExportSummary summary_;
    std::set<Track> tracks_;
    bool is_first_ = true;
};

}  // namespace ringfold::tools
