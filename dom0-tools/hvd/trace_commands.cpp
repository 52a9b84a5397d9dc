// SPDX-License-Identifier: Apache-2.0
//
// Commands about the trace.
#include "dom0-tools/hvd/commands.hpp"
#include "dom0-tools/library/trace_export.hpp"
#include "dom0-tools/library/trace_text.hpp"

#include <fmt/core.h>

#include <optional>

namespace ringfold::tools {

using nlohmann::json;

namespace {

std::string joined(const std::vector<std::string_view> &names) {
    std::string text;
    for (const std::string_view name : names) {
        text += (text.empty() ? "" : ", ") + std::string(name);
    }
    return text;
}

json recording_json(const TraceRecording *recording) {
    if (recording == nullptr) {
        return {{"records", 0}, {"limit", 0}, {"lost", 0}, {"dropped", 0}, {"time_ns", 0}};
    }
    return {{"records", recording->size},
            {"limit", recording->limit},
            {"lost", recording->lost},
            {"dropped", recording->dropped},
            {"time_ns", recording->last.nanoseconds - recording->first.nanoseconds}};
}

}  // namespace

// Who traces what: {"tracing": by hvd, "by": a domain's name or null, "classes", "cpus"}.
Outcome<json> Commands::describe_tracer() const {
    const ringfold_trace_status status = TRY(supervisor_->hypervisor().trace_status());
    json by;
    if (status.domain != 0) {
        const Outcome<ringfold_domain_info> info =
            supervisor_->hypervisor().describe(DomainId{static_cast<uint16_t>(status.domain)});
        by = info.ok() ? name_in(info.value().name) : fmt::format("d{}", status.domain);
    }
    return json{{"tracing", supervisor_->tracer().runs()},
                {"by", by},
                {"classes", trace_class_names(status.classes)},
                {"cpus", status.cpus}};
}

Commands::Result Commands::trace_start(Arguments arguments) {
    const uint32_t classes = TRY(parse_trace_classes(arguments.value("classes", "all")));
    const auto limit = arguments.value("records", uint64_t{Tracer::records_default});
    if (limit == 0 || limit > Tracer::records_most) {
        return Failure{Kind::usage, fmt::format("{} records: expected 1 to {}", limit, Tracer::records_most)};
    }
    const bool ours = supervisor_->tracer().runs();
    const Outcome<void> started = supervisor_->start_trace(classes, limit);
    if (started.ok() || started.error().kind != Kind::busy || ours) {
        return started.ok() ? trace_status(arguments) : Result{started.error()};
    }
    const ringfold_trace_status status = TRY(supervisor_->hypervisor().trace_status());
    const std::string what = joined(trace_class_names(status.classes));
    if (status.domain == supervisor_->self().domain) {
        return Failure{Kind::busy, fmt::format("another program of this domain traces already ({})", what)};
    }
    const json by = TRY(describe_tracer()).at("by");
    return Failure{Kind::busy, fmt::format("{} traces already ({}), and only one domain can",
                                           by.is_string() ? by.get<std::string>() : "somebody", what)};
}

Commands::Result Commands::trace_status(Arguments) const {
    supervisor_->tracer().look();
    const TraceRecording *const recording = supervisor_->tracer().recording();
    json answer = TRY(describe_tracer());
    answer["recorded_classes"] = trace_class_names(recording == nullptr ? 0 : recording->classes);
    answer.update(recording_json(recording));
    return answer;
}

Commands::Result Commands::trace_stop(Arguments arguments) {
    TRY(supervisor_->stop_trace());
    return trace_status(arguments);
}

void Commands::trace_export(Arguments arguments, const Answer &answer) {
    supervisor_->tracer().look();
    const std::shared_ptr<const TraceRecording> recording = supervisor_->tracer().snapshot();
    if (recording == nullptr || recording->size == 0) {
        answer(Failure{Kind::not_found, recording == nullptr ? "nothing was traced; hvctl trace start begins"
                                                             : "nothing of the traced classes has happened"});
        return;
    }
    const auto result = std::make_shared<std::optional<Outcome<TraceExportSummary>>>();
    const auto work = [recording, path = arguments.at("path").get<std::string>(), result] {
        result->emplace(write_chrome_trace(*recording, std::filesystem::path(path)));
    };
    supervisor_->environment().aside(work, [recording, result, answer] {
        const Outcome<TraceExportSummary> &summary = result->value();
        if (!summary.ok()) {
            answer(summary.error());
            return;
        }
        json written = recording_json(recording.get());
        written.update({{"slices", summary.value().slices}, {"instants", summary.value().instants}});
        answer(written);
    });
}

}  // namespace ringfold::tools
