// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/trace_text.hpp"

#include "dom0-tools/library/hypercall_text.hpp"
#include "dom0-tools/library/nearest.hpp"

#include <ringfold/hypercall_numbers.h>
#include <ringfold/trace.h>
#include <ringfold/vcpu.h>

#include <fmt/core.h>

#include <algorithm>
#include <limits>

namespace ringfold::tools {

namespace {

// By RINGFOLD_TRACE_CLASS_*; the last one is all of them.
constexpr auto class_names = std::to_array<std::string_view>(
    {"hypercalls", "entries", "scheduling", "events", "grants", "memory", "interrupts", "all"});
constexpr std::size_t class_count = class_names.size() - 1;
static_assert((uint32_t{1} << class_count) - 1 == RINGFOLD_TRACE_CLASSES_ALL);

using Is = TraceArgument;

constexpr auto event_texts = std::to_array<TraceEventText>({
    {RINGFOLD_TRACE_HYPERCALL, "hypercall", {{{"number", Is::number}, {"argument", Is::address}}}},
    {RINGFOLD_TRACE_HYPERCALL_RETURN, "hypercall return", {{{"status", Is::status}, {"value", Is::address}}}},
    {RINGFOLD_TRACE_ENTRY, "entry", {{{"vector", Is::vector}, {"rip", Is::address}}}},
    {RINGFOLD_TRACE_SWITCH, "switch", {{{"from", Is::vcpu}, {"to", Is::vcpu}}}},
    {RINGFOLD_TRACE_STATE, "state", {{{"vcpu", Is::vcpu}, {"state", Is::state}}}},
    {RINGFOLD_TRACE_EVENT, "event", {{{"to", Is::vcpu}, {"port", Is::number}}}},
    {RINGFOLD_TRACE_GRANT_MAP, "grant map", {{{"grant", Is::grant}, {"handle", Is::handle_or_status}}}},
    {RINGFOLD_TRACE_GRANT_UNMAP, "grant unmap", {{{"handle", Is::number}, {"status", Is::status}}}},
    {RINGFOLD_TRACE_GRANT_COPY, "grant copy", {{{"bytes", Is::number}, {"status", Is::status}}}},
    {RINGFOLD_TRACE_GRANT_TRANSFER, "grant transfer", {{{"frame", Is::address}, {"status", Is::status}}}},
    {RINGFOLD_TRACE_MEMORY_BATCH, "page-table batch", {{{"operations", Is::number}, {"done", Is::number}}}},
    {RINGFOLD_TRACE_MEMORY_POPULATE, "populate", {{{"frame", Is::address}, {"order", Is::number}}}},
    {RINGFOLD_TRACE_MEMORY_RELEASE, "release", {{{"frame", Is::address}, {}}}},
    {RINGFOLD_TRACE_INTERRUPT, "interrupt", {{{"vector", Is::vector}, {}}}},
});
constexpr TraceEventText unknown_event{0, "unknown event", {{{"first", Is::address}, {"second", Is::address}}}};

constexpr auto exception_names =
    std::to_array<std::string_view>({"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "", "#TS",
                                     "#NP", "#SS", "#GP", "#PF", "",    "#MF", "#AC", "#MC", "#XM", "", "#CP"});
constexpr uint64_t hypercall_vector = 0x100;

Outcome<uint32_t> parse_class(std::string_view name) {
    const auto found = std::ranges::find(class_names, name);
    if (found == class_names.end()) {
        std::string known;
        for (const std::string_view each : class_names) {
            known += (known.empty() ? "" : ", ") + std::string(each);
        }
        const std::string close = suggestion(name, class_names);
        return Failure{Kind::usage, fmt::format("there is no class \"{}\" of the trace{}", name,
                                                close.empty() ? fmt::format("; expected {}", known) : close)};
    }
    const auto index = static_cast<std::size_t>(found - class_names.begin());
    return index == class_count ? RINGFOLD_TRACE_CLASSES_ALL : uint32_t{1} << index;
}

}  // namespace

Outcome<uint32_t> parse_trace_classes(std::string_view text) {
    uint32_t classes = 0;
    while (true) {
        const std::size_t comma = text.find(',');
        classes |= TRY(parse_class(text.substr(0, comma)));
        if (comma == std::string_view::npos) {
            return classes;
        }
        text.remove_prefix(comma + 1);
    }
}

std::vector<std::string_view> trace_class_names(uint32_t classes) {
    std::vector<std::string_view> names;
    for (std::size_t index = 0; index < class_count; ++index) {
        if ((classes >> index & 1) != 0) {
            names.push_back(class_names[index]);
        }
    }
    return names;
}

const TraceEventText &trace_event_text(uint32_t event) {
    const auto found = std::ranges::find(event_texts, event, &TraceEventText::event);
    return found == event_texts.end() ? unknown_event : *found;
}

std::string_view trace_class_of(uint32_t event) {
    const uint32_t number = event >> 8;
    return number < class_count ? class_names[number] : "unknown";
}

std::string_view vcpu_state_name(uint64_t state) {
    switch (state) {
        case RINGFOLD_VCPU_RUNNING:
            return "running";
        case RINGFOLD_VCPU_RUNNABLE:
            return "runnable";
        case RINGFOLD_VCPU_BLOCKED:
            return "blocked";
        case RINGFOLD_VCPU_OFFLINE:
            return "offline";
        default:
            return "unknown";
    }
}

std::string vector_name(uint64_t vector) {
    if (vector < exception_names.size() && !exception_names[vector].empty()) {
        return std::string(exception_names[vector]);
    }
    return vector == hypercall_vector ? "hypercall" : fmt::format("{:#x}", vector);
}

std::string traced_call_name(uint64_t number) {
    const std::string_view name = number <= std::numeric_limits<uint32_t>::max()
                                      ? hypercall_name(static_cast<uint32_t>(number))
                                      : std::string_view{};
    return name.empty() ? fmt::format("hypercall {:#x}", number) : std::string(name);
}

}  // namespace ringfold::tools
