// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/elf_error.hpp"

namespace ringfold {

std::string_view reason(ElfError error) {
    switch (error) {
        case ElfError::too_short:
            return "the file is shorter than an ELF header";
        case ElfError::not_elf:
            return "not an ELF file";
        case ElfError::not_64_bit:
            return "not a 64-bit ELF file";
        case ElfError::not_little_endian:
            return "not a little-endian ELF file";
        case ElfError::bad_version:
            return "an unknown ELF version";
        case ElfError::not_executable:
            return "not a statically linked executable (ET_EXEC)";
        case ElfError::not_x86_64:
            return "not for x86-64";
        case ElfError::bad_header_size:
            return "the ELF header gives itself a wrong size";
        case ElfError::bad_program_header_size:
            return "program headers have a wrong size";
        case ElfError::no_program_headers:
            return "no program headers";
        case ElfError::program_headers_outside_file:
            return "the program headers lie outside the file";
        case ElfError::needs_dynamic_linker:
            return "the image needs a dynamic linker";
        case ElfError::no_segment:
            return "nothing to load";
        case ElfError::too_many_segments:
            return "too many segments to load";
        case ElfError::segment_outside_file:
            return "a segment's bytes lie outside the file";
        case ElfError::segment_larger_in_file:
            return "a segment is larger in the file than in memory";
        case ElfError::segment_wraps:
            return "a segment wraps around the end of an address space";
        case ElfError::bad_alignment:
            return "a segment's alignment is no power of two";
        case ElfError::misaligned_segment:
            return "a segment's offset and addresses are not congruent";
        case ElfError::not_canonical:
            return "linear addresses from pseudo-physical 0 to a segment's end are not canonical";
        case ElfError::in_reserved_slot:
            return "linear addresses from pseudo-physical 0 to a segment's end touch L4 slot 256";
        case ElfError::different_virtual_base:
            return "segments differ in the distance of linear and physical address";
        case ElfError::segments_overlap:
            return "two segments share a page";
        case ElfError::entry_not_executable:
            return "the entry point is not in an executable segment";
        case ElfError::note_outside_file:
            return "a note segment lies outside the file";
        case ElfError::bad_note_alignment:
            return "a note segment's alignment is neither 4 nor 8";
        case ElfError::truncated_note:
            return "a note is cut off";
        case ElfError::unknown_note:
            return "a Ringfold note of unknown type";
        case ElfError::bad_note_size:
            return "a Ringfold note of wrong size";
        case ElfError::duplicate_note:
            return "a Ringfold note stands twice";
        case ElfError::no_abi_version:
            return "no Ringfold note names the ABI version";
        case ElfError::unsupported_abi_version:
            return "built for another ABI version";
        case ElfError::bad_mapped_size:
            return "the mapped size is not a positive multiple of 4096";
        case ElfError::no_hypercall_return:
            return "no Ringfold note names the return address of hypercalls";
        case ElfError::bad_hypercall_return:
            return "the return address of hypercalls is not in an executable segment of the kernel half";
    }
    return "an unknown reason";
}

}  // namespace ringfold
