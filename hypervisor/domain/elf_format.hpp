// SPDX-License-Identifier: Apache-2.0
//
// The ELF64 file format, as far as a static executable needs it: System V ABI, edition 4.1, chapters 4 (ELF header) and
// 5 (program header, note section), with the 64-bit layouts of the AMD64 supplement's "Object Files".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringfold::elf {

struct Header {
    std::array<uint8_t, 16> identification;
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_headers_offset;
    uint64_t section_headers_offset;
    uint32_t flags;
    uint16_t header_size;
    uint16_t program_header_size;
    uint16_t program_header_count;
    uint16_t section_header_size;
    uint16_t section_header_count;
    uint16_t section_names_index;
};
static_assert(sizeof(Header) == 64 && offsetof(Header, entry) == 24 && offsetof(Header, program_header_count) == 56);

struct ProgramHeader {
    uint32_t type;
    uint32_t flags;
    uint64_t file_offset;
    uint64_t virtual_address;
    uint64_t physical_address;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t alignment;
};
static_assert(sizeof(ProgramHeader) == 56 && offsetof(ProgramHeader, physical_address) == 24);

// Followed by the name, padded to the segment's alignment, and the description, padded likewise.
struct NoteHeader {
    uint32_t name_size;
    uint32_t description_size;
    uint32_t type;
};
static_assert(sizeof(NoteHeader) == 12);

inline constexpr std::array<uint8_t, 4> magic{0x7f, 'E', 'L', 'F'};
inline constexpr std::size_t class_index = 4;
inline constexpr std::size_t data_index = 5;
inline constexpr std::size_t version_index = 6;
inline constexpr uint8_t class_64 = 2;
inline constexpr uint8_t data_little_endian = 1;
inline constexpr uint8_t current_version = 1;

inline constexpr uint16_t type_executable = 2;
inline constexpr uint16_t machine_x86_64 = 62;

inline constexpr uint32_t segment_load = 1;
inline constexpr uint32_t segment_dynamic = 2;
inline constexpr uint32_t segment_interpreter = 3;
inline constexpr uint32_t segment_note = 4;

inline constexpr uint32_t flag_execute = 1;
inline constexpr uint32_t flag_write = 2;
inline constexpr uint32_t flag_read = 4;

}  // namespace ringfold::elf
