// SPDX-License-Identifier: Apache-2.0
//
// Non-maskable interrupts and machine checks, wherever they hit.
#pragma once

#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/result.hpp"

#include <cstdint>
#include <span>

namespace ringfold {

// Another CPU's panic, or somebody's button: counted, and in debug builds its place in the gate text is recorded.
void handle_nmi(const EntryFrame &registers);

// Logs the banks that hold an error. If the processor says that the interrupted context is lost, panics.
void handle_machine_check(const EntryFrame &registers);

// How often NMIs hit the bytes of the gate text from `first` on. not_supported: not a debug build; out_of_range.
[[nodiscard]] Result<void> read_nmi_histogram(uint32_t first, std::span<uint32_t> counts);
[[nodiscard]] uint32_t gate_text_size();

}  // namespace ringfold
