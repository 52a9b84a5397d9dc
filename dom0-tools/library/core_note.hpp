// SPDX-License-Identifier: Apache-2.0
//
// The ELF note that a guest left for its core, where its start-info page says (ringfold/start_info.h).
#pragma once

#include "dom0-tools/library/physical_map.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace ringfold::tools {

// What so many bytes of a name or of contents take in a note.
[[nodiscard]] constexpr std::size_t note_padded(std::size_t size) { return (size + 3) / 4 * 4; }

// Padded as the next note wants it. Empty: the guest has left none, or nothing that is a note. `frames` are the machine
// frames of pseudo-physical frames 0, 1, ...
[[nodiscard]] std::string read_core_note(const Hypervisor &hypervisor, DomainId domain,
                                         std::span<const uint64_t> frames, const MapPlace &place);

}  // namespace ringfold::tools
