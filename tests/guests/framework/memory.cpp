// SPDX-License-Identifier: Apache-2.0
#include "framework/memory.hpp"

#include "framework/verdict.hpp"

#include <ringfold/vcpu.h>

#include <atomic>

namespace guest {
namespace {

constinit const ringfold_start_info *information = nullptr;
constinit std::atomic<uint64_t> next_free{0};

}  // namespace

void set_up_memory(const ringfold_start_info *info) {
    information = info;
    next_free.store(info->first_free_frame, std::memory_order_relaxed);
}

const ringfold_start_info &start_info() { return *information; }

MachineFrame machine_frame(PhysicalFrame frame) {
    if ((information->flags & RINGFOLD_START_IDENTITY) != 0) {
        return {frame.number};
    }
    return {reinterpret_cast<const uint64_t *>(information->physical_to_machine)[frame.number]};
}

MachineFrame machine_frame_at(const volatile void *pointer) {
    const uint64_t offset = reinterpret_cast<uint64_t>(pointer) - information->virtual_base;
    return machine_frame({information->first_frame + offset / page_size});
}

PhysicalFrame physical_frame(MachineFrame frame) {
    return {reinterpret_cast<const volatile uint64_t *>(RINGFOLD_MACHINE_TO_PHYSICAL_ADDRESS)[frame.number]};
}

uint64_t linear_address(PhysicalFrame frame) {
    return information->virtual_base + (frame.number - information->first_frame) * page_size;
}

PhysicalFrame allocate_frames(uint64_t count, uint64_t alignment) {
    // Only the claim is shared between vCPUs; nothing else is published through it.
    uint64_t first = next_free.load(std::memory_order_relaxed);
    uint64_t aligned = 0;
    do {
        aligned = (first + alignment - 1) / alignment * alignment;
        if (aligned + count > information->first_frame + information->mapped_frames) {
            error("out of frames");
        }
    } while (!next_free.compare_exchange_weak(first, aligned + count, std::memory_order_relaxed));
    auto *words = reinterpret_cast<uint64_t *>(linear_address(PhysicalFrame{aligned}));
    for (uint64_t i = 0; i < count * page_size / sizeof(uint64_t); ++i) {
        words[i] = 0;
    }
    return {aligned};
}

PhysicalFrame allocate_frame() { return allocate_frames(1); }

}  // namespace guest
