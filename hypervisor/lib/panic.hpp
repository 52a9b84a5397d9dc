// SPDX-License-Identifier: Apache-2.0
//
// The end of everything: says why, shows the registers and a symbolised back trace of this CPU and then of every other,
// and finishes with a line that begins with `RINGFOLD PANIC`. For what cannot be: never for what a guest does.
#pragma once

#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/format.hpp"
#include "hypervisor/lib/format_units.hpp"

#include <array>
#include <span>
#include <string_view>

namespace ringfold {

// `registers` is null where nothing was interrupted.
[[noreturn]] void panic_erased(const EntryFrame *registers, std::string_view format,
                               std::span<const FormatArgument> arguments);

template <typename... Args>
[[noreturn]] void panic(FormatString<Args...> format, const Args &...args) {
    const std::array<FormatArgument, sizeof...(Args)> arguments{format_argument(args)...};
    panic_erased(nullptr, format.text(), arguments);
}

// The same with the registers of the context that went wrong.
template <typename... Args>
[[noreturn]] void panic_with(const EntryFrame &registers, FormatString<Args...> format, const Args &...args) {
    const std::array<FormatArgument, sizeof...(Args)> arguments{format_argument(args)...};
    panic_erased(&registers, format.text(), arguments);
}

// Sends an NMI to every other CPU that is up; how a panic stops them. None while only one CPU is up.
using StopOthers = void (*)();
void set_panic_stop(StopOthers stop_others);

// Whether an NMI means: show your registers and stop. The NMI handler then calls panic_stop().
[[nodiscard]] bool panic_in_progress();
[[noreturn]] void panic_stop(const EntryFrame &registers);

}  // namespace ringfold
