// SPDX-License-Identifier: Apache-2.0
//
// The promises of elf_image.hpp, which the domain builder relies on; one that is broken ends the program.
#pragma once

#include "hypervisor/domain/elf_image.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

inline void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

inline void check_promises(const ringfold::ElfImage &image, std::span<const std::byte> file) {
    const auto segments = image.segments();
    require(!segments.empty());
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const auto &segment = segments[i];
        require(segment.memory_size >= 1 && segment.file_size <= segment.memory_size);
        require(segment.file_offset <= file.size() && segment.file_size <= file.size() - segment.file_offset);
        require(segment.virtual_address - image.virtual_base == segment.physical_address);
        require(segment.first_frame() < segment.end_frame() && segment.end_frame() <= image.end_frame());
        for (std::size_t j = 0; j < i; ++j) {
            require(segment.end_frame() <= segments[j].first_frame() ||
                    segments[j].end_frame() <= segment.first_frame());
        }
    }
    const uint64_t size = (image.end_frame() - ringfold::GuestFrame{0}).bytes();
    require(image.virtual_base.page_offset() == 0 && ringfold::is_canonical(image.virtual_base.raw()));
    require(ringfold::is_canonical(image.virtual_base.raw() + (size - 1)));
    require(size > uint64_t{1} << 39 || !ringfold::virtual_map::touches_slot(image.virtual_base.raw(), size));
    require(image.segment_at(image.entry.raw()) != nullptr && image.segment_at(image.entry.raw())->executable);
    require(image.segment_at(image.hypercall_return.raw()) != nullptr && image.hypercall_return.raw() >> 63 == 1);
}
