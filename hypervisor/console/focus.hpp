// SPDX-License-Identifier: Apache-2.0
//
// The console focus: to whom what is typed at the serial port goes. The control domain at first; three times Ctrl-A
// moves it on, round and round: the control domain, the hypervisor (each character is a debug key), the other domains
// by number.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <span>

namespace ringfold::focus {

inline constexpr DomainId control_domain{1};
inline constexpr DomainId hypervisor{0};  // stands for it here; no domain has this number

// Whose turn is after `current`. `next` finds the first domain from a number on, as domain_list::next() does.
template <typename Next>
[[nodiscard]] DomainId after(DomainId current, Next &&next) {
    if (current == control_domain) {
        return hypervisor;
    }
    const uint16_t above = current == hypervisor ? control_domain.raw() : current.raw();
    const auto other = next(DomainId{static_cast<uint16_t>(above + 1)});
    return other.ok() ? other.value() : control_domain;
}

// Hands on what was received. On the one CPU that the serial port interrupts, with no lock held.
void receive(std::span<const char> bytes);

[[nodiscard]] DomainId current();

// What the domain with the focus writes goes to `sink` as it is, and not, line by line, to the log: a terminal for one
// who works in the control domain. How many bytes were taken is the sink's answer.
using RawSink = std::size_t (*)(std::span<const char> bytes);
void set_raw_sink(RawSink sink);
// Null: its output goes to the log.
[[nodiscard]] RawSink raw_sink_of(DomainId domain);

}  // namespace ringfold::focus
