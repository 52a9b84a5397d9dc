// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/chrome_events.hpp"

#include "dom0-tools/library/json_text.hpp"
#include "dom0-tools/library/trace_text.hpp"

#include <ringfold/vcpu.h>

#include <nlohmann/json.hpp>

#include <utility>

namespace ringfold::tools {

namespace {

constexpr uint32_t cpus_process = 1U << 16;  // no domain has this number
// Threads have numbers of their own, whatever their process: some readers take no other.
constexpr uint32_t threads_of_process = 1000;
static_assert(RINGFOLD_MAX_VCPUS <= threads_of_process);

nlohmann::json about(const TraceRecording &recording) {
    return {{"recorder", "Ringfold"},
            {"classes", trace_class_names(recording.classes)},
            {"records", recording.size},
            {"lost", recording.lost},
            {"dropped", recording.dropped}};
}

}  // namespace

Track cpu_track(std::size_t cpu) { return {cpus_process, static_cast<uint32_t>(cpu)}; }

Track vcpu_track(TracedVcpu vcpu) { return {static_cast<uint32_t>(vcpu >> 16), static_cast<uint32_t>(vcpu & 0xffff)}; }

ChromeEvents::ChromeEvents(const TraceRecording &recording, const TraceSink &sink)
    : recording_(recording), clock_(recording.clock()), pieces_(sink) {
    pieces_.add("{{\"displayTimeUnit\":\"ns\",\"otherData\":{},\"traceEvents\":[", about(recording).dump());
}

void ChromeEvents::slice(Track track, std::string_view category, std::string_view name, uint64_t begin, uint64_t end,
                         std::string_view arguments) {
    const uint64_t from = clock_.nanoseconds(begin);
    const uint64_t to = std::max(from, clock_.nanoseconds(end));
    next();
    pieces_.add(
        "{{\"ph\":\"X\",\"cat\":\"{}\",\"name\":{},\"pid\":{},\"tid\":{},\"ts\":{}.{:03},\"dur\":{}.{:03},"
        "\"args\":{{{}}}}}",
        category, json_text(name), track.process, number_of(track), from / 1000, from % 1000, (to - from) / 1000,
        (to - from) % 1000, arguments);
    ++summary_.slices;
}

void ChromeEvents::instant(Track track, std::string_view category, std::string_view name, uint64_t tsc,
                           std::string_view arguments) {
    const uint64_t at = clock_.nanoseconds(tsc);
    next();
    pieces_.add(
        "{{\"ph\":\"i\",\"s\":\"t\",\"cat\":\"{}\",\"name\":{},\"pid\":{},\"tid\":{},\"ts\":{}.{:03},"
        "\"args\":{{{}}}}}",
        category, json_text(name), track.process, number_of(track), at / 1000, at % 1000, arguments);
    ++summary_.instants;
}

std::string ChromeEvents::vcpu_name(TracedVcpu vcpu) const {
    return vcpu == no_vcpu
               ? "none"
               : fmt::format("{} vCPU {}", recording_.name_of(static_cast<uint16_t>(vcpu >> 16)), vcpu & 0xffff);
}

uint32_t ChromeEvents::number_of(Track track) {
    tracks_.insert(track);
    return track.process * threads_of_process + track.thread;
}

void ChromeEvents::name_process(uint32_t process) {
    const bool is_cpus = process == cpus_process;
    const Track first{process, 0};
    name_track("process_name", first, is_cpus ? "physical CPUs" : recording_.name_of(static_cast<uint16_t>(process)));
    sort_track("process_sort_index", first, is_cpus ? 0 : process);
}

void ChromeEvents::name_track(std::string_view what, Track track, std::string_view name) {
    next();
    pieces_.add("{{\"ph\":\"M\",\"name\":\"{}\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":{}}}}}", what, track.process,
                number_of(track), json_text(name));
}

void ChromeEvents::sort_track(std::string_view what, Track track, uint32_t index) {
    next();
    pieces_.add("{{\"ph\":\"M\",\"name\":\"{}\",\"pid\":{},\"tid\":{},\"args\":{{\"sort_index\":{}}}}}", what,
                track.process, number_of(track), index);
}

Outcome<TraceExportSummary> ChromeEvents::end() {
    std::optional<uint32_t> process;
    for (const Track &track : std::set<Track>(tracks_)) {
        if (std::exchange(process, track.process) != track.process) {
            name_process(track.process);
        }
        const bool is_cpu = track.process == cpus_process;
        name_track("thread_name", track, fmt::format("{} {}", is_cpu ? "CPU" : "vCPU", track.thread));
        sort_track("thread_sort_index", track, track.thread);
    }
    pieces_.add("\n]}}\n");
    TRY(pieces_.end());
    return summary_;
}

}  // namespace ringfold::tools
