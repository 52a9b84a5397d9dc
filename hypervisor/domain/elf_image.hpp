// SPDX-License-Identifier: Apache-2.0
//
// A guest's kernel image: parses and checks a statically linked ELF64 executable with Ringfold's notes (see
// ringfold/start_info.h). The file comes from outside; whatever is wrong with it is refused with a reason. What
// parse_elf_image() returns needs no further check against the file, but the domain's size is not known to it.
#pragma once

#include "hypervisor/domain/elf_error.hpp"
#include "hypervisor/lib/expected.hpp"
#include "hypervisor/lib/units.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ringfold {

// A piece of the image. Its bytes come from the file; the rest of the memory is zero. Distinct segments share no page.
struct ElfSegment {
    GuestAddress virtual_address;
    uint64_t physical_address = 0;  // pseudo-physical; of the same offset within its page as virtual_address
    uint64_t file_offset = 0;
    uint64_t file_size = 0;    // at most memory_size
    uint64_t memory_size = 0;  // at least 1
    bool writable = false;
    bool executable = false;

    [[nodiscard]] constexpr GuestFrame first_frame() const { return GuestFrame{physical_address >> page_shift}; }
    [[nodiscard]] constexpr GuestFrame end_frame() const {  // the first one behind the segment
        return GuestFrame{((physical_address + memory_size - 1) >> page_shift) + 1};
    }
    [[nodiscard]] constexpr bool contains(uint64_t address) const {
        return address - virtual_address.raw() < memory_size;
    }
    [[nodiscard]] std::span<const std::byte> bytes(std::span<const std::byte> file) const {
        return file.subspan(file_offset, file_size);
    }
};

struct ElfImage {
    static constexpr std::size_t max_segments = 16;

    [[nodiscard]] std::span<const ElfSegment> segments() const { return std::span{segment_array}.first(segment_count); }
    [[nodiscard]] GuestFrame end_frame() const;  // the first one behind all segments
    [[nodiscard]] const ElfSegment *segment_at(uint64_t address) const;

    std::array<ElfSegment, max_segments> segment_array;
    std::size_t segment_count = 0;
    GuestAddress virtual_base;      // where pseudo-physical address 0 is linked; page aligned
    GuestAddress entry;             // in an executable segment
    GuestAddress hypercall_return;  // in an executable segment, in the kernel half
    uint32_t abi_version = 0;       // one that this hypervisor serves
    std::optional<uint64_t> mapped_bytes;
};

[[nodiscard]] Expected<ElfImage, ElfError> parse_elf_image(std::span<const std::byte> file);

}  // namespace ringfold
