// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/trace_export.hpp"

#include "dom0-tools/library/chrome_events.hpp"
#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/json_text.hpp"
#include "dom0-tools/library/trace_reader.hpp"
#include "dom0-tools/library/trace_text.hpp"

#include <ringfold/hypercall_numbers.h>

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <vector>

namespace ringfold::tools {

namespace {

TracedVcpu vcpu_of(const ringfold_trace_record &record) { return TracedVcpu{record.domain} << 16 | record.vcpu; }

Track track_of(const ringfold_trace_record &record, std::size_t cpu) {
    return record.domain == 0 ? cpu_track(cpu) : vcpu_track(vcpu_of(record));
}

std::string status_text(uint64_t raw) {
    const auto status = static_cast<int64_t>(raw);
    const bool is_error = status < 0 && status >= -4095;
    const char *name = is_error ? strerrorname_np(static_cast<int>(-status)) : nullptr;
    return name == nullptr ? fmt::format("{}", status) : json_text(name);
}

std::string argument_text(const ChromeEvents &events, TraceArgument kind, uint64_t value) {
    switch (kind) {
        case TraceArgument::none:
        case TraceArgument::number:
            return fmt::format("{}", value);
        case TraceArgument::address:  // as text: readers keep 53 bits of a number
            return fmt::format("\"{:#x}\"", value);
        case TraceArgument::status:
        case TraceArgument::handle_or_status:
            return status_text(value);
        case TraceArgument::vcpu:
            return json_text(events.vcpu_name(value));
        case TraceArgument::state:
            return json_text(vcpu_state_name(value));
        case TraceArgument::grant:
            return fmt::format("\"d{} {}\"", value >> 32, value & std::numeric_limits<uint32_t>::max());
        case TraceArgument::vector:
            return json_text(vector_name(value));
    }
    return "null";
}

std::string arguments_text(const ChromeEvents &events, const ringfold_trace_record &record) {
    const TraceEventText &text = trace_event_text(record.event);
    std::string arguments;
    for (std::size_t index = 0; index < text.arguments.size(); ++index) {
        const auto &[name, kind] = text.arguments[index];
        if (kind != TraceArgument::none) {
            arguments += fmt::format("{}\"{}\":{}", arguments.empty() ? "" : ",", name,
                                     argument_text(events, kind, record.argument[index]));
        }
    }
    return arguments;
}

// Which vCPU a physical CPU runs, as slices.
class CpuTracks {
  public:
    CpuTracks(const TraceRecording &recording, ChromeEvents &events)
        : events_(events),
          is_whole_(recording.dropped == 0),
          start_(recording.first.tsc),
          cpus_(recording.cpus.size()) {}

    void see(std::size_t number, const ringfold_trace_record &record) {
        Cpu &cpu = cpus_[number];
        if (record.event == trace_gap) {
            switch_to(number, no_vcpu, cpu.seen);
            cpu.is_known = false;
            cpu.lost = true;
        } else if (!cpu.is_known) {
            // Had it come after the start, a switch would tell.
            cpu.running = record.domain == 0 ? no_vcpu : vcpu_of(record);
            cpu.since = is_whole_ && !cpu.lost ? start_ : record.tsc;
            cpu.is_known = true;
        }
        if (record.event == RINGFOLD_TRACE_SWITCH) {
            switch_to(number, record.argument[1], record.tsc);
        }
        cpu.seen = record.tsc;
    }
    void end(uint64_t tsc) {
        for (std::size_t number = 0; number < cpus_.size(); ++number) {
            switch_to(number, no_vcpu, std::max(tsc, cpus_[number].seen));
        }
    }

  private:
    struct Cpu {
        bool is_known = false;
        bool lost = false;
        TracedVcpu running = no_vcpu;
        uint64_t since = 0;
        uint64_t seen = 0;  // the last record
    };

    void switch_to(std::size_t number, TracedVcpu next, uint64_t tsc) {
        Cpu &cpu = cpus_[number];
        if (cpu.running != no_vcpu) {
            events_.slice(cpu_track(number), "scheduling", events_.vcpu_name(cpu.running), cpu.since, tsc,
                          fmt::format("\"domain\":{},\"vcpu\":{}", cpu.running >> 16, cpu.running & 0xffff));
        }
        cpu.running = next;
        cpu.since = tsc;
    }

    ChromeEvents &events_;
    bool is_whole_;
    uint64_t start_;
    std::vector<Cpu> cpus_;
};

// The hypercalls of vCPUs, as slices: those of a multicall lie within it.
class CallTracks {
  public:
    explicit CallTracks(ChromeEvents &events) : events_(events) {}

    void begin(std::size_t cpu, const ringfold_trace_record &record) {
        Vcpu &vcpu = vcpus_[vcpu_of(record)];
        if (!vcpu.open.empty() && vcpu.open.back().number != RINGFOLD_HYPERCALL_MULTICALL) {
            give_up(vcpu_of(record), vcpu);
        }
        vcpu.cpu = cpu;
        vcpu.open.push_back({record.argument[0], record.argument[1], record.tsc});
    }
    void end(const ringfold_trace_record &record) {
        Vcpu &vcpu = vcpus_[vcpu_of(record)];
        const std::string answer = arguments_text(events_, record);
        if (vcpu.open.empty()) {  // it was issued before the trace began
            events_.instant(vcpu_track(vcpu_of(record)), "hypercalls", "hypercall return", record.tsc, answer);
            return;
        }
        const Call call = vcpu.open.back();
        vcpu.open.pop_back();
        events_.slice(vcpu_track(vcpu_of(record)), "hypercalls", traced_call_name(call.number), call.begin, record.tsc,
                      fmt::format("\"argument\":\"{:#x}\",{}", call.argument, answer));
    }
    // The returns of what is open there may be among the records that are lost.
    void lose(std::size_t cpu) {
        for (auto &[name, vcpu] : vcpus_) {
            if (vcpu.cpu == cpu) {
                give_up(name, vcpu);
            }
        }
    }
    void lose_all() {
        for (auto &[name, vcpu] : vcpus_) {
            give_up(name, vcpu);
        }
    }

  private:
    struct Call {
        uint64_t number = 0;
        uint64_t argument = 0;
        uint64_t begin = 0;
    };
    struct Vcpu {
        std::size_t cpu = 0;  // of the last hypercall
        std::vector<Call> open;
    };

    // A call without an end would cover all that follows.
    void give_up(TracedVcpu name, Vcpu &vcpu) {
        for (const Call &call : vcpu.open) {
            events_.instant(vcpu_track(name), "hypercalls", traced_call_name(call.number), call.begin,
                            fmt::format("\"argument\":\"{:#x}\",\"return\":\"not recorded\"", call.argument));
        }
        vcpu.open.clear();
    }

    ChromeEvents &events_;
    std::map<TracedVcpu, Vcpu> vcpus_;
};

// What has neither length nor end.
void add_instant(ChromeEvents &events, std::size_t cpu, const ringfold_trace_record &record) {
    std::string name(trace_event_text(record.event).name);
    Track track = track_of(record, cpu);
    switch (record.event) {
        case RINGFOLD_TRACE_ENTRY:
            name += " " + vector_name(record.argument[0]);
            break;
        case RINGFOLD_TRACE_STATE:
            name = vcpu_state_name(record.argument[1]);
            track = vcpu_track(record.argument[0]);
            break;
        case RINGFOLD_TRACE_INTERRUPT:
            name += " " + vector_name(record.argument[0]);
            track = cpu_track(cpu);
            break;
        default:
            break;
    }
    events.instant(track, trace_class_of(record.event), name, record.tsc, arguments_text(events, record));
}

// All records by time; those of one CPU in their order.
template <typename Visit>
void for_each_by_time(const TraceRecording &recording, Visit visit) {
    std::vector<std::size_t> next(recording.cpus.size());
    for (std::size_t left = recording.size; left > 0; --left) {
        std::optional<std::size_t> oldest;
        for (std::size_t cpu = 0; cpu < next.size(); ++cpu) {
            const auto &records = recording.cpus[cpu];
            if (next[cpu] < records.size() &&
                (!oldest || records[next[cpu]].tsc < recording.cpus[*oldest][next[*oldest]].tsc)) {
                oldest = cpu;
            }
        }
        if (!visit(*oldest, recording.cpus[*oldest][next[*oldest]++])) {
            return;
        }
    }
}

class ChromeTrace {
  public:
    ChromeTrace(const TraceRecording &recording, const TraceSink &sink)
        : recording_(recording),
          has_switches_((recording.classes >> RINGFOLD_TRACE_CLASS_SCHEDULING & 1) != 0),
          events_(recording, sink),
          cpus_(recording, events_),
          calls_(events_) {}

    Outcome<TraceExportSummary> write() {
        for_each_by_time(recording_, [this](std::size_t cpu, const ringfold_trace_record &record) {
            add(cpu, record);
            return !events_.failed();
        });
        if (has_switches_) {
            cpus_.end(recording_.last.tsc);
        }
        calls_.lose_all();
        return events_.end();
    }

  private:
    void add(std::size_t cpu, const ringfold_trace_record &record) {
        if (has_switches_) {
            cpus_.see(cpu, record);
        }
        switch (record.event) {
            case trace_gap:
                events_.instant(cpu_track(cpu), "trace", "records are lost", record.tsc,
                                fmt::format("\"records\":{}", record.argument[0]));
                calls_.lose(cpu);
                break;
            case RINGFOLD_TRACE_SWITCH:  // a slice of its CPU
                break;
            case RINGFOLD_TRACE_HYPERCALL:
                calls_.begin(cpu, record);
                break;
            case RINGFOLD_TRACE_HYPERCALL_RETURN:
                calls_.end(record);
                break;
            default:
                add_instant(events_, cpu, record);
        }
    }

    const TraceRecording &recording_;
    bool has_switches_;
    ChromeEvents events_;
    CpuTracks cpus_;
    CallTracks calls_;
};

Outcome<void> write_all(const Descriptor &file, std::string_view text, const std::string &path) {
    while (!text.empty()) {
        const ssize_t written = ::write(file.number(), text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return system_failure(path, errno);
        }
        text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace

Outcome<TraceExportSummary> write_chrome_trace(const TraceRecording &recording, const TraceSink &sink) {
    return ChromeTrace(recording, sink).write();
}

Outcome<TraceExportSummary> write_chrome_trace(const TraceRecording &recording, const std::filesystem::path &path) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.is_open()) {
        return system_failure(path.string(), errno);
    }
    return write_chrome_trace(recording, [&](std::string_view text) { return write_all(file, text, path.string()); });
}

}  // namespace ringfold::tools
