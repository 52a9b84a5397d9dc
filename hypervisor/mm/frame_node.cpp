// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/frame_node.hpp"

#include "hypervisor/mm/machine_memory.hpp"

namespace ringfold {

DirtyHalves dirty_halves(FrameNodes nodes, uint32_t head, unsigned order, uint32_t dirty) {
    const uint32_t half = uint32_t{1} << (order - 1);
    if (dirty == 0) {
        return {0, 0};
    }
    if (dirty == 2 * half) {
        return {half, half};
    }
    const uint32_t upper = nodes[head + half].dirty;
    return {dirty - upper, upper};
}

uint32_t scrub_block(FrameNodes nodes, uint32_t head, unsigned order, uint32_t dirty, uint64_t &budget) {
    if (dirty == 0 || budget == 0) {
        return dirty;
    }
    if (order == 0) {
        clear_frame(MachineFrame{head});
        --budget;
        return 0;
    }
    const uint32_t middle = head + (uint32_t{1} << (order - 1));
    const DirtyHalves halves = dirty_halves(nodes, head, order, dirty);
    const uint32_t lower = scrub_block(nodes, head, order - 1, halves.lower, budget);
    const uint32_t upper = scrub_block(nodes, middle, order - 1, halves.upper, budget);
    nodes[middle].dirty = upper;
    return lower + upper;
}

}  // namespace ringfold
