// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/core_note.hpp"

#include <ringfold/start_info.h>

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace ringfold::tools {

namespace {

// As much of it as there is.
std::string read_physical(const Hypervisor &hypervisor, DomainId domain, std::span<const uint64_t> frames,
                          uint64_t address, std::size_t size) {
    std::string bytes;
    std::array<char, page_size> page{};
    while (bytes.size() < size) {
        const uint64_t frame = address / page_size;
        if (frame >= frames.size() ||
            !hypervisor.copy_out(domain, frames.subspan(frame, 1), std::as_writable_bytes(std::span{page})).ok()) {
            break;
        }
        const std::size_t offset = address % page_size;
        const std::size_t part = std::min<std::size_t>(page_size - offset, size - bytes.size());
        bytes.append(page.data() + offset, part);
        address += part;
    }
    return bytes;
}

// The first note of them; empty: they do not begin with one.
std::string first_note(const std::string &bytes) {
    Elf64_Nhdr header{};
    if (bytes.size() < sizeof header) {
        return {};
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    const std::size_t size = sizeof header + note_padded(header.n_namesz) + note_padded(header.n_descsz);
    const bool is_note = header.n_namesz != 0 && header.n_descsz != 0 && size <= bytes.size();
    return is_note ? bytes.substr(0, size) : std::string{};
}

}  // namespace

std::string read_core_note(const Hypervisor &hypervisor, DomainId domain, std::span<const uint64_t> frames,
                           const MapPlace &place) {
    ringfold_start_info info{};
    const std::string bytes =
        place.start_info == 0 ? std::string{}
                              : read_physical(hypervisor, domain, frames, place.start_info << page_shift, sizeof info);
    if (bytes.size() != sizeof info) {
        return {};
    }
    std::memcpy(&info, bytes.data(), sizeof info);
    if (info.core_note_size == 0 || info.core_note_size > RINGFOLD_CORE_NOTE_MAX) {
        return {};
    }
    return first_note(read_physical(hypervisor, domain, frames, info.core_note, info.core_note_size));
}

}  // namespace ringfold::tools
