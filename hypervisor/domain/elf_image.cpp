// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/elf_image.hpp"

#include "hypervisor/domain/elf_format.hpp"
#include "hypervisor/domain/elf_notes.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <ringfold/base.h>

#include <algorithm>
#include <bit>
#include <limits>

namespace ringfold {

namespace {

using Bytes = std::span<const std::byte>;
using Check = Expected<void, ElfError>;

constexpr bool inside(uint64_t offset, uint64_t size, uint64_t limit) {
    return offset <= limit && size <= limit - offset;
}

// The file may change under no one's hands but need not be aligned: pieces are copied out. The caller checked the
// range.
template <typename T>
T copy_of(Bytes file, uint64_t offset) {
    T value;
    __builtin_memcpy(&value, file.data() + offset, sizeof value);
    return value;
}

Check check_header(const elf::Header &header) {
    const auto &identification = header.identification;
    if (!std::equal(elf::magic.begin(), elf::magic.end(), identification.begin())) {
        return ElfError::not_elf;
    }
    if (identification[elf::class_index] != elf::class_64) {
        return ElfError::not_64_bit;
    }
    if (identification[elf::data_index] != elf::data_little_endian) {
        return ElfError::not_little_endian;
    }
    if (identification[elf::version_index] != elf::current_version || header.version != elf::current_version) {
        return ElfError::bad_version;
    }
    if (header.type != elf::type_executable) {
        return ElfError::not_executable;
    }
    if (header.machine != elf::machine_x86_64) {
        return ElfError::not_x86_64;
    }
    if (header.header_size != sizeof(elf::Header)) {
        return ElfError::bad_header_size;
    }
    return {};
}

Check check_program_headers(const elf::Header &header, uint64_t file_size) {
    if (header.program_header_count == 0) {
        return ElfError::no_program_headers;
    }
    if (header.program_header_size != sizeof(elf::ProgramHeader)) {
        return ElfError::bad_program_header_size;
    }
    const uint64_t size = uint64_t{header.program_header_count} * sizeof(elf::ProgramHeader);
    if (!inside(header.program_headers_offset, size, file_size)) {
        return ElfError::program_headers_outside_file;
    }
    return {};
}

Check check_ranges(const elf::ProgramHeader &header, uint64_t file_size) {
    constexpr uint64_t highest = std::numeric_limits<uint64_t>::max();
    if (!inside(header.file_offset, header.file_size, file_size)) {
        return ElfError::segment_outside_file;
    }
    if (header.file_size > header.memory_size) {
        return ElfError::segment_larger_in_file;
    }
    // The last byte of an address space is the border here: the end address of a segment is always representable, also
    // when it is rounded up to whole pages.
    if (!inside(header.virtual_address, header.memory_size, highest) ||
        !inside(header.physical_address, header.memory_size, align_down(highest, page_size))) {
        return ElfError::segment_wraps;
    }
    return {};
}

Check check_alignment(const elf::ProgramHeader &header) {
    const uint64_t alignment = std::max<uint64_t>(header.alignment, 1);  // 0 and 1 both mean none
    if (!std::has_single_bit(alignment)) {
        return ElfError::bad_alignment;
    }
    const uint64_t distance = header.virtual_address - header.physical_address;
    if ((header.virtual_address - header.file_offset) % alignment != 0 || distance % page_size != 0) {
        return ElfError::misaligned_segment;
    }
    return {};
}

// All linear addresses from pseudo-physical address 0 up to the segment's last byte will be mapped.
Check check_addresses(const elf::ProgramHeader &header) {
    const uint64_t base = header.virtual_address - header.physical_address;
    const uint64_t last = header.virtual_address + (header.memory_size - 1);
    if (header.physical_address > header.virtual_address || !is_canonical(base) || !is_canonical(last)) {
        return ElfError::not_canonical;
    }
    const uint64_t slot =
        virtual_map::slot_base;  // the first of the upper half: a range over both halves is refused too
    if (base < slot + virtual_map::slot_size && last >= slot) {
        return ElfError::in_reserved_slot;
    }
    return {};
}

bool share_a_page(const ElfSegment &a, const ElfSegment &b) {
    return a.first_frame() < b.end_frame() && b.first_frame() < a.end_frame();
}

// All segments are linked at one distance from where they are loaded, so comparing frames compares pages too; but one
// linked at address 0 is a template that the guest copies (Linux' per-CPU data): it is found where it is loaded.
Check add_segment(elf::ProgramHeader header, uint64_t file_size, ElfImage &image) {
    TRY(check_ranges(header, file_size));
    if (header.memory_size == 0) {
        return {};
    }
    TRY(check_alignment(header));
    if (header.virtual_address == 0 && image.segment_count > 0) {
        header.virtual_address = image.virtual_base.raw() + header.physical_address;
        TRY(check_ranges(header, file_size));
    }
    TRY(check_addresses(header));
    const GuestAddress base{header.virtual_address - header.physical_address};
    if (image.segment_count > 0 && base != image.virtual_base) {
        return ElfError::different_virtual_base;
    }
    const ElfSegment segment{GuestAddress{header.virtual_address},
                             header.physical_address,
                             header.file_offset,
                             header.file_size,
                             header.memory_size,
                             (header.flags & elf::flag_write) != 0,
                             (header.flags & elf::flag_execute) != 0};
    for (const ElfSegment &other : image.segments()) {
        if (share_a_page(segment, other)) {
            return ElfError::segments_overlap;
        }
    }
    if (image.segment_count == ElfImage::max_segments) {
        return ElfError::too_many_segments;
    }
    image.virtual_base = base;
    image.segment_array[image.segment_count++] = segment;
    return {};
}

Check add_notes(const elf::ProgramHeader &header, Bytes file, ElfNotes &notes) {
    if (!inside(header.file_offset, header.file_size, file.size())) {
        return ElfError::note_outside_file;
    }
    return read_elf_notes(file.subspan(header.file_offset, header.file_size), header.alignment, notes);
}

Check add_program_header(const elf::ProgramHeader &header, Bytes file, ElfImage &image, ElfNotes &notes) {
    switch (header.type) {
        case elf::segment_load:
            return add_segment(header, file.size(), image);
        case elf::segment_note:
            return add_notes(header, file, notes);
        case elf::segment_dynamic:
        case elf::segment_interpreter:
            return ElfError::needs_dynamic_linker;
        default:
            return {};  // says nothing about loading
    }
}

bool is_executable(const ElfImage &image, uint64_t address) {
    const ElfSegment *segment = image.segment_at(address);
    return segment != nullptr && segment->executable;
}

// The high half of a version counts breaks, the low half additions (base.h).
bool is_served(uint32_t version) {
    return version >> 16 == RINGFOLD_ABI_VERSION >> 16 && (version & 0xffff) <= (RINGFOLD_ABI_VERSION & 0xffff);
}

Check apply_notes(const ElfNotes &notes, ElfImage &image) {
    if (!notes.abi_version) {
        return ElfError::no_abi_version;
    }
    if (!is_served(*notes.abi_version)) {
        return ElfError::unsupported_abi_version;
    }
    if (notes.mapped_bytes && (*notes.mapped_bytes == 0 || *notes.mapped_bytes % page_size != 0)) {
        return ElfError::bad_mapped_size;
    }
    if (!notes.hypercall_return) {
        return ElfError::no_hypercall_return;
    }
    const bool kernel_half = *notes.hypercall_return >> 63 != 0;
    if (!kernel_half || !is_executable(image, *notes.hypercall_return)) {
        return ElfError::bad_hypercall_return;
    }
    image.abi_version = *notes.abi_version;
    image.mapped_bytes = notes.mapped_bytes;
    image.hypercall_return = GuestAddress{*notes.hypercall_return};
    return {};
}

}  // namespace

GuestFrame ElfImage::end_frame() const {
    GuestFrame end;
    for (const ElfSegment &segment : segments()) {
        end = std::max(end, segment.end_frame());
    }
    return end;
}

const ElfSegment *ElfImage::segment_at(uint64_t address) const {
    for (const ElfSegment &segment : segments()) {
        if (segment.contains(address)) {
            return &segment;
        }
    }
    return nullptr;
}

Expected<ElfImage, ElfError> parse_elf_image(Bytes file) {
    if (file.size() < sizeof(elf::Header)) {
        return ElfError::too_short;
    }
    const auto header = copy_of<elf::Header>(file, 0);
    TRY(check_header(header));
    TRY(check_program_headers(header, file.size()));
    ElfImage image;
    ElfNotes notes;
    for (uint64_t i = 0; i < header.program_header_count; ++i) {
        const uint64_t offset = header.program_headers_offset + i * sizeof(elf::ProgramHeader);
        TRY(add_program_header(copy_of<elf::ProgramHeader>(file, offset), file, image, notes));
    }
    if (image.segment_count == 0) {
        return ElfError::no_segment;
    }
    const uint64_t entry = notes.entry.value_or(header.entry);
    if (!is_executable(image, entry)) {
        return ElfError::entry_not_executable;
    }
    image.entry = GuestAddress{entry};
    TRY(apply_notes(notes, image));
    return image;
}

}  // namespace ringfold
