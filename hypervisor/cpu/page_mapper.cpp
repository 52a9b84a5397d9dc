// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/page_mapper.hpp"

#include <algorithm>

namespace ringfold {

Result<MachineFrame> new_table(FrameSource source) {
    const MachineFrame frame = TRY(source(Order{0}));
    clear_frame(frame);
    return frame;
}

Result<MachineFrame> PageMapper::next_table(uint64_t &entry) {
    if ((entry & page_flag::present) == 0) {
        entry = address_of(TRY(new_table(source_))).raw() | table_flags;
    } else if ((entry & page_flag::big) != 0) {
        return Error::already_exists;
    }
    return frame_in(entry);
}

Result<MachineFrame> PageMapper::l2_table(uint64_t address) {
    return next_table(pointer_to<uint64_t>(l3_)[l3_index(address)]);
}

Result<MachineFrame> PageMapper::l1_table(uint64_t address) {
    return next_table(pointer_to<uint64_t>(TRY(l2_table(address)))[l2_index(address)]);
}

Result<void> PageMapper::map_page(uint64_t address, MachineAddress target, uint64_t page, uint64_t flags) {
    uint64_t *entry = nullptr;
    if (page == gigabyte_page_size) {
        entry = &pointer_to<uint64_t>(l3_)[l3_index(address)];
    } else if (page == big_page_size) {
        entry = &pointer_to<uint64_t>(TRY(l2_table(address)))[l2_index(address)];
    } else {
        entry = &pointer_to<uint64_t>(TRY(l1_table(address)))[l1_index(address)];
    }
    if ((*entry & page_flag::present) != 0) {
        return Error::already_exists;
    }
    *entry = target.raw() | flags | (page == page_size ? 0 : page_flag::big);
    return {};
}

Result<void> PageMapper::map(uint64_t address, MachineAddress target, uint64_t size, Access access, Caching caching,
                             uint64_t largest_page) {
    if ((address | target.raw() | size) % page_size != 0) {
        return Error::invalid_argument;
    }
    const uint64_t flags = leaf_flags(access, caching);
    while (size != 0) {
        uint64_t page = page_size;
        for (const uint64_t candidate : {big_page_size, gigabyte_page_size}) {
            if (candidate <= std::min(largest_page, size) && (address | target.raw()) % candidate == 0) {
                page = candidate;
            }
        }
        TRY(map_page(address, target, page, flags));
        address += page;
        target = target + page;
        size -= page;
    }
    return {};
}

std::optional<Mapping> PageMapper::find(uint64_t address) const {
    std::optional<Mapping> found;
    const uint64_t base = align_down(address, uint64_t{1} << 39);
    for_each_mapping(l3_, base, [&](const Mapping &mapping) {
        if (address - mapping.address < mapping.size) {
            found = mapping;
        }
    });
    return found;
}

}  // namespace ringfold
