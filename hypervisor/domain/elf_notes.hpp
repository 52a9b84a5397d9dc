// SPDX-License-Identifier: Apache-2.0
//
// The notes of owner "Ringfold" in a guest image: what the image tells the domain builder. Notes of other owners are
// passed over.
#pragma once

#include "hypervisor/domain/elf_error.hpp"
#include "hypervisor/lib/expected.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ringfold {

struct ElfNotes {
    std::optional<uint32_t> abi_version;
    std::optional<uint64_t> mapped_bytes;
    std::optional<uint64_t> hypercall_return;
    std::optional<uint64_t> entry;
};

// Adds the notes of one note segment, padded to `alignment`, to `notes`.
[[nodiscard]] Expected<void, ElfError> read_elf_notes(std::span<const std::byte> segment, uint64_t alignment,
                                                      ElfNotes &notes);

}  // namespace ringfold
