// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/early_memory.hpp"

namespace ringfold {

namespace {

// Used while one CPU runs.
constinit EarlyFrames frames;
constinit bool ended = false;

}  // namespace

Result<void> begin_early_memory(const BootInformation &information, const ImageLayout &image, MachineFrame limit) {
    frames.set_limit(limit);
    return collect_early_frames(information, frames_around(image.begin(), image.end()), frames);
}

void raise_early_memory_limit() { frames.set_limit(frame_of(MachineAddress{virtual_map::highest_machine_address})); }

Result<MachineFrame> allocate_early_frames(Order order) {
    if (ended) {
        return Error::out_of_memory;
    }
    return frames.allocate(order.frames(), order.frames());
}

std::span<const FrameRange> end_early_memory() {
    ended = true;
    return frames.free_ranges();
}

}  // namespace ringfold
