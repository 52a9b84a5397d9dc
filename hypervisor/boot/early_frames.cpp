// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/early_frames.hpp"

#include <algorithm>
#include <optional>

namespace ringfold {

namespace {

// Firmware, option ROMs and the trampoline for other CPUs live here; none of it is worth the risk.
constexpr MachineFrame end_of_low_memory{uint64_t{1} << (20 - page_shift)};

[[nodiscard]] bool overlap(const FrameRange &a, const FrameRange &b) { return a.begin < b.end && b.begin < a.end; }

// The highest place for `count` aligned frames in `range` below `limit`.
std::optional<MachineFrame> place_in(const FrameRange &range, MachineFrame limit, FrameCount count,
                                     FrameCount alignment) {
    const uint64_t end = std::min(range.end, limit).raw();
    if (end < count.raw()) {
        return std::nullopt;
    }
    const MachineFrame first{align_down(end - count.raw(), alignment.raw())};
    return first >= range.begin ? std::optional{first} : std::nullopt;
}

}  // namespace

Result<void> EarlyFrames::add(FrameRange range) {
    // Firmware may list memory twice; a frame must not be handed out twice.
    for (const FrameRange &other : free_ranges()) {
        if (overlap(range, other)) {
            if (range.begin < other.begin) {
                TRY(add({range.begin, other.begin}));
            }
            if (other.end < range.end) {
                return add({other.end, range.end});
            }
            return {};
        }
    }
    if (range.size() == FrameCount{}) {
        return {};
    }
    if (used_ == max_ranges) {
        return Error::limit_reached;
    }
    ranges_[used_++] = range;
    return {};
}

void EarlyFrames::remove(std::size_t index) { ranges_[index] = ranges_[--used_]; }

Result<void> EarlyFrames::cut(std::size_t index, FrameRange range) {
    const FrameRange whole = ranges_[index];
    const FrameRange low{whole.begin, std::max(whole.begin, range.begin)};
    const FrameRange high{std::min(whole.end, range.end), whole.end};
    if (low.size() != FrameCount{} && high.size() != FrameCount{}) {
        if (used_ == max_ranges) {
            return Error::limit_reached;
        }
        ranges_[index] = low;
        ranges_[used_++] = high;
    } else if (low.size() != FrameCount{}) {
        ranges_[index] = low;
    } else if (high.size() != FrameCount{}) {
        ranges_[index] = high;
    } else {
        remove(index);
    }
    return {};
}

Result<void> EarlyFrames::reserve(FrameRange range) {
    for (std::size_t index = 0; index < used_;) {
        if (overlap(ranges_[index], range)) {
            TRY(cut(index, range));
            index = 0;  // the order changed
        } else {
            ++index;
        }
    }
    return {};
}

Result<MachineFrame> EarlyFrames::allocate(FrameCount count, FrameCount alignment) {
    std::optional<MachineFrame> best;
    for (const FrameRange &range : free_ranges()) {
        const auto place = place_in(range, limit_, count, alignment);
        if (place && (!best || *place > *best)) {
            best = place;
        }
    }
    if (!best) {
        return Error::out_of_memory;
    }
    TRY(reserve({*best, *best + count}));
    return *best;
}

FrameCount EarlyFrames::free_frames() const {
    FrameCount sum;
    for (const FrameRange &range : free_ranges()) {
        sum += range.size();
    }
    return sum;
}

Result<void> collect_early_frames(const BootInformation &information, FrameRange image, EarlyFrames &frames) {
    for (const MemoryRange &range : information.memory) {
        if (range.type == MemoryType::available) {
            TRY(frames.add(frames_inside(range)));
        }
    }
    // Where firmware contradicts itself, the more careful statement holds.
    for (const MemoryRange &range : information.memory) {
        if (range.type != MemoryType::available) {
            TRY(frames.reserve(frames_around(range.begin, range.end)));
        }
    }
    TRY(frames.reserve({MachineFrame{}, end_of_low_memory}));
    TRY(frames.reserve(image));
    for (const BootModule &module : information.modules) {
        TRY(frames.reserve(frames_around(module.begin, module.end)));
    }
    return {};
}

}  // namespace ringfold
