// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/linear_memory.hpp"

#include "hypervisor/mm/entry.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace ringfold::tools {

namespace {

constexpr uint64_t index_bits = 9;

// What of a range lies in the page of its first byte.
std::size_t part_in_page(uint64_t address, std::size_t length) {
    return std::min<std::size_t>(length, page_size - address % page_size);
}

}  // namespace

Outcome<const LinearMemory::Page *> LinearMemory::table(uint64_t frame) {
    const auto known = tables_.find(frame);
    if (known != tables_.end()) {
        return &known->second;
    }
    Page page;
    TRY(hypervisor_.copy_out(domain_, {&frame, 1}, page));
    return &tables_.emplace(frame, page).first->second;
}

Outcome<uint64_t> LinearMemory::frame_at(uint64_t root, uint64_t address) {
    uint64_t frame = root;
    for (unsigned number = 4; number >= 1; --number) {
        const Page *const entries = TRY(table(frame));
        const uint64_t index = address >> (page_shift + index_bits * (number - 1)) & (table_entries - 1);
        uint64_t word = 0;
        std::memcpy(&word, entries->data() + index * sizeof word, sizeof word);
        const Entry entry{word};
        if (!entry.present()) {
            break;
        }
        frame = entry.frame().raw();
        if (number == 1) {
            return frame;
        }
        if (entry.is_leaf(static_cast<Level>(number))) {
            return frame + (address >> page_shift & (frames_per_extent - 1));
        }
    }
    return Failure{Kind::not_found, fmt::format("nothing is mapped at {:#x}", address)};
}

std::size_t LinearMemory::read(uint64_t root, uint64_t address, std::span<std::byte> bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const Outcome<uint64_t> frame = frame_at(root, address + done);
        Page page;
        if (!frame.ok() || !hypervisor_.copy_out(domain_, {&frame.value(), 1}, page).ok()) {
            break;
        }
        const std::size_t part = part_in_page(address + done, bytes.size() - done);
        std::memcpy(bytes.data() + done, page.data() + (address + done) % page_size, part);
        done += part;
    }
    return done;
}

Outcome<void> LinearMemory::write(uint64_t root, uint64_t address, std::span<const std::byte> bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
        const uint64_t frame = TRY(frame_at(root, address + done));
        Page page;
        TRY(hypervisor_.copy_out(domain_, {&frame, 1}, page));
        const std::size_t part = part_in_page(address + done, bytes.size() - done);
        std::memcpy(page.data() + (address + done) % page_size, bytes.data() + done, part);
        TRY(hypervisor_.copy_in(domain_, {&frame, 1}, page));
        done += part;
    }
    return {};
}

}  // namespace ringfold::tools
