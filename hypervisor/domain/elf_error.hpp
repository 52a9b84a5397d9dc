// SPDX-License-Identifier: Apache-2.0
//
// Why a guest image was refused.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringfold {

enum class ElfError : uint8_t {
    too_short,
    not_elf,
    not_64_bit,
    not_little_endian,
    bad_version,
    not_executable,
    not_x86_64,
    bad_header_size,
    bad_program_header_size,
    no_program_headers,
    program_headers_outside_file,
    needs_dynamic_linker,
    no_segment,
    too_many_segments,
    segment_outside_file,
    segment_larger_in_file,
    segment_wraps,
    bad_alignment,
    misaligned_segment,
    not_canonical,
    in_reserved_slot,
    different_virtual_base,
    segments_overlap,
    entry_not_executable,
    note_outside_file,
    bad_note_alignment,
    truncated_note,
    unknown_note,
    bad_note_size,
    duplicate_note,
    no_abi_version,
    unsupported_abi_version,
    bad_mapped_size,
    no_hypercall_return,
    bad_hypercall_return,
};

[[nodiscard]] std::string_view reason(ElfError error);

}  // namespace ringfold
