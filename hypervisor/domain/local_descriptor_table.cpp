// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/local_descriptor_table.hpp"

#include "hypervisor/gate/descriptor.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/machine_memory.hpp"

namespace ringfold {

Result<void> LocalDescriptorTable::reset(uint32_t count) {
    clear();
    const uint32_t wanted = (count + descriptors_per_page - 1) / descriptors_per_page;
    for (uint32_t page = 0; page < wanted; ++page) {
        Result<MachineFrame> frame = allocate_frames(Order{0});
        if (!frame.ok()) {
            clear();
            return frame.error();
        }
        frames_[page] = frame.value();
        count_ = (page + 1) * descriptors_per_page;  // what clear() gives back
        clear_frame(frames_[page]);
    }
    count_ = count;
    return {};
}

void LocalDescriptorTable::write(uint32_t first, std::span<const uint64_t> descriptors) {
    for (const uint64_t value : descriptors) {
        pointer_to<uint64_t>(frames_[first / descriptors_per_page])[first % descriptors_per_page] =
            descriptor::as_loaded(value);
        ++first;
    }
}

void LocalDescriptorTable::clear() {
    const uint32_t used = pages();
    count_ = 0;
    for (uint32_t page = 0; page < used; ++page) {
        free_frames(frames_[page], Order{0});
    }
}

}  // namespace ringfold
