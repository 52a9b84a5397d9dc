// SPDX-License-Identifier: Apache-2.0
//
// A recorded trace as Chrome's trace JSON, which Perfetto (ui.perfetto.dev) and chrome://tracing show: a process for
// each domain with a thread for each vCPU, on which its hypercalls are slices; a process "physical CPUs" with a thread
// for each, on which the vCPUs that run there are slices; all other records as instant events.
#pragma once

#include "dom0-tools/library/outcome.hpp"
#include "dom0-tools/library/trace_recording.hpp"

#include <filesystem>
#include <functional>
#include <string_view>

namespace ringfold::tools {

struct TraceExportSummary {
    uint64_t slices = 0;
    uint64_t instants = 0;
};

// Takes the next piece of the text; a failure ends the export.
using TraceSink = std::function<Outcome<void>(std::string_view)>;

[[nodiscard]] Outcome<TraceExportSummary> write_chrome_trace(const TraceRecording &recording, const TraceSink &sink);
// To a file, which is replaced.
[[nodiscard]] Outcome<TraceExportSummary> write_chrome_trace(const TraceRecording &recording,
                                                             const std::filesystem::path &path);

}  // namespace ringfold::tools
