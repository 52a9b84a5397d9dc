// SPDX-License-Identifier: Apache-2.0
//
// The trace's classes, events and arguments by name.
#pragma once

#include "dom0-tools/library/outcome.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringfold::tools {

// "hypercalls,scheduling" or "all", as bits 1 << RINGFOLD_TRACE_CLASS_*. usage: none, or an unknown one.
[[nodiscard]] Outcome<uint32_t> parse_trace_classes(std::string_view text);
[[nodiscard]] std::vector<std::string_view> trace_class_names(uint32_t classes);

// What an argument is.
enum class TraceArgument { none, number, address, status, handle_or_status, vcpu, state, grant, vector };

struct TraceEventText {
    struct Argument {
        std::string_view name;
        TraceArgument kind = TraceArgument::none;
    };
    uint32_t event = 0;
    std::string_view name;
    std::array<Argument, 2> arguments{};
};

// Of an event that this version does not know: "event", with its number left to be said.
[[nodiscard]] const TraceEventText &trace_event_text(uint32_t event);
[[nodiscard]] std::string_view trace_class_of(uint32_t event);

[[nodiscard]] std::string_view vcpu_state_name(uint64_t state);
// "#PF", "hypercall" or a number.
[[nodiscard]] std::string vector_name(uint64_t vector);
// "hypercall 99" for one that the table of the ABI does not have.
[[nodiscard]] std::string traced_call_name(uint64_t number);

}  // namespace ringfold::tools
