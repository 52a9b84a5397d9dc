// SPDX-License-Identifier: Apache-2.0
//
// The trace that hvd makes: one at a time, and what it recorded stays until the next one begins.
#pragma once

#include "dom0-tools/library/hypercall_port.hpp"
#include "dom0-tools/library/trace_reader.hpp"
#include "dom0-tools/library/trace_recording.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace ringfold::tools {

class Tracer {
  public:
    static constexpr std::size_t records_default = 500'000;
    static constexpr std::size_t records_most = 4'000'000;  // of 32 bytes each

    Tracer(HypercallPort &port, std::function<TraceMoment()> now) : port_(&port), now_(std::move(now)) {}

    // What was recorded before is gone. busy: somebody traces.
    Outcome<void> start(uint32_t classes, std::size_t limit);
    // busy: hvd does not trace.
    Outcome<void> stop();
    // Takes what is new out of the rings. Often enough: they hold some thousand records each.
    void look();
    // A domain is called so, if that is of interest.
    void name(uint16_t domain, const std::string &name);

    [[nodiscard]] bool runs() const { return rings_ != nullptr; }
    [[nodiscard]] uint32_t cpus() const { return static_cast<uint32_t>(readers_.size()); }
    // Null: nobody has traced.
    [[nodiscard]] const TraceRecording *recording() const { return recording_.get(); }
    // For other threads: what is recorded later is not in it.
    [[nodiscard]] std::shared_ptr<const TraceRecording> snapshot() const;

  private:
    HypercallPort *port_;
    std::function<TraceMoment()> now_;
    bool is_bound_ = false;  // the interrupt that says that rings fill up
    std::unique_ptr<TraceRings> rings_;
    std::vector<TraceReader> readers_;
    std::shared_ptr<TraceRecording> recording_;
};

}  // namespace ringfold::tools
