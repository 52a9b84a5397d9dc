// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/hypervisor_space.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/mm/machine_memory.hpp"

#include <algorithm>

namespace ringfold {

namespace {

using virtual_map::Region;

struct SharedSpace {
    MachineFrame l3;
    MachineFrame gate_text;
    uint64_t gate_text_size = 0;
    FrameSource source = nullptr;
    uint64_t devices_used = 0;  // bytes of virtual_map::devices

    [[nodiscard]] PageMapper mapper() const { return PageMapper{l3, source}; }
};

constinit Locked<SharedSpace, LockRank::hypervisor_map> shared_space;

Result<void> map_image(PageMapper &mapper, const ImageLayout &image, uint64_t guard) {
    const auto map = [&](uint64_t begin, uint64_t end, Access access) {
        return mapper.map(begin, image.machine_address(begin), align_up(end, page_size) - begin, access);
    };
    TRY(map(image.text_start, image.text_end, Access::execute));
    TRY(map(image.rodata_start, image.rodata_end, Access::read_only));
    TRY(map(image.data_start, guard, Access::read_write));
    return map(guard + page_size, image.data_end, Access::read_write);
}

// The machine memory from `begin` to `end` in the direct map. What the image may not write, nobody may by this way.
class DirectMap {
  public:
    DirectMap(PageMapper &mapper, const ImageLayout &image, uint64_t largest_page)
        : mapper_(mapper),
          largest_page_(largest_page),
          borders_{image.begin(), MachineAddress{image.boot_data_physical}, MachineAddress{image.gate_text_physical},
                   image.machine_address(image.data_start)} {}

    Result<void> map(MachineAddress begin, MachineAddress end) {
        while (begin < end) {
            const MachineAddress next = std::min(end, next_border(begin));
            TRY(mapper_.map(virtual_map::direct_map.base + begin.raw(), begin, next - begin,
                            is_constant(begin) ? Access::read_only : Access::read_write, Caching::write_back,
                            largest_page_));
            begin = next;
        }
        return {};
    }

  private:
    // borders_: boot text | boot data | gate text, text, constants | data.
    [[nodiscard]] bool is_constant(MachineAddress address) const {
        return (address >= borders_[0] && address < borders_[1]) || (address >= borders_[2] && address < borders_[3]);
    }
    [[nodiscard]] MachineAddress next_border(MachineAddress address) const {
        const auto next = std::upper_bound(borders_.begin(), borders_.end(), address);
        return next == borders_.end() ? MachineAddress{~uint64_t{0}} : *next;
    }

    PageMapper &mapper_;
    uint64_t largest_page_;
    std::array<MachineAddress, 4> borders_;
};

// RAM and what firmware left its tables in, as whole frames, ascending and disjoint. The first mebibyte is mapped but
// for the hole of graphics memory: ACPI's root pointer may be in its read-only memory.
class MappedRanges {
  public:
    Result<void> collect(const BootInformation &information) {
        constexpr MachineAddress graphics_memory{0xa0000};
        constexpr MachineAddress option_roms{0xc0000};
        constexpr MachineAddress mebibyte{0x10'0000};
        TRY(add(frames_around(MachineAddress{}, graphics_memory)));
        TRY(add(frames_around(option_roms, mebibyte)));
        for (const MemoryRange &range : information.memory) {
            const bool is_memory = range.type == MemoryType::available || range.type == MemoryType::acpi_tables ||
                                   range.type == MemoryType::acpi_storage;
            if (is_memory && range.end > mebibyte) {
                TRY(add(frames_around(std::max(range.begin, mebibyte), range.end)));
            }
        }
        std::sort(ranges_.begin(), ranges_.begin() + used_,
                  [](const FrameRange &a, const FrameRange &b) { return a.begin < b.begin; });
        return {};
    }

    // Calls visit(begin, end) for each maximal run; stops at an error.
    template <typename Visitor>
    Result<void> for_each_run(Visitor &&visit) const {
        for (std::ptrdiff_t i = 0; i < used_;) {
            FrameRange run = ranges_[static_cast<std::size_t>(i)];
            for (++i; i < used_ && ranges_[static_cast<std::size_t>(i)].begin <= run.end; ++i) {
                run.end = std::max(run.end, ranges_[static_cast<std::size_t>(i)].end);
            }
            TRY(visit(address_of(run.begin), address_of(run.end)));
        }
        return {};
    }

  private:
    Result<void> add(FrameRange range) {
        if (static_cast<std::size_t>(used_) == ranges_.size()) {
            return Error::limit_reached;
        }
        ranges_[static_cast<std::size_t>(used_++)] = range;
        return {};
    }

    std::array<FrameRange, max_memory_ranges + 2> ranges_{};
    std::ptrdiff_t used_ = 0;
};

constinit MappedRanges mapped_ranges;  // too large for a stack

// Tables down to L2 for the regions that are filled later: CPUs copy the L3 entries when their spaces are made.
Result<void> prepare_regions(PageMapper &mapper) {
    for (const Region &region : {virtual_map::devices, virtual_map::machine_to_physical, virtual_map::frame_table,
                                 virtual_map::extent_table, virtual_map::translation_records}) {
        for (uint64_t address = region.base; address < region.end(); address += virtual_map::gibibyte) {
            TRY(mapper.l2_table(address));
        }
    }
    return {};
}

Result<CpuSpace> create_faces() {
    auto shared = shared_space.lock();
    return CpuSpace::create(shared->l3, shared->gate_text, shared->gate_text_size, shared->source);
}

}  // namespace

Result<void> build_shared_space(const BootInformation &information, const ImageLayout &image, uint64_t boot_stack_guard,
                                bool gigabyte_pages, FrameSource source) {
    auto shared = shared_space.lock();
    shared->source = source;
    shared->l3 = TRY(new_table(source));
    shared->gate_text = frame_of(MachineAddress{image.gate_text_physical});
    shared->gate_text_size = image.gate_text_end - virtual_map::gate_text.base;
    PageMapper mapper = shared->mapper();
    TRY(map_image(mapper, image, boot_stack_guard));
    TRY(prepare_regions(mapper));
    TRY(mapped_ranges.collect(information));
    DirectMap direct_map{mapper, image, gigabyte_pages ? gigabyte_page_size : big_page_size};
    return mapped_ranges.for_each_run(
        [&direct_map](MachineAddress begin, MachineAddress end) { return direct_map.map(begin, end); });
}

void set_table_source(FrameSource source) { shared_space.lock()->source = source; }

Result<CpuSpace> create_cpu_space(CpuId id) {
    const CpuSpace space = TRY(create_faces());
    TRY(create_per_cpu(id, space));
    return space;
}

Result<void *> map_array(const Region &region, uint64_t bytes) {
    if (bytes > region.size) {
        return Error::out_of_range;
    }
    auto shared = shared_space.lock();
    PageMapper mapper = shared->mapper();
    for (uint64_t done = 0; done < bytes;) {
        const uint64_t left = align_up(bytes - done, page_size);
        const uint64_t page = left >= big_page_size ? big_page_size : page_size;
        constexpr Order big{big_page_shift - page_shift};
        const MachineFrame frame = TRY(shared->source(page == big_page_size ? big : Order{0}));
        __builtin_memset(pointer_to(frame), 0, page);
        TRY(mapper.map(region.base + done, address_of(frame), page, Access::read_write));
        done += page;
    }
    return reinterpret_cast<void *>(region.base);
}

Result<void *> map_device(MachineAddress address, uint64_t size) {
    if (size == 0 || address.raw() + size < address.raw()) {
        return Error::invalid_argument;
    }
    auto shared = shared_space.lock();
    const FrameRange range = frames_around(address, address + size);
    const uint64_t bytes = range.size().bytes();
    if (bytes > virtual_map::devices.size - shared->devices_used) {
        return Error::limit_reached;
    }
    const uint64_t base = virtual_map::devices.base + shared->devices_used;
    PageMapper mapper = shared->mapper();
    // Without big pages: memory types of a big page must not be mixed (SDM vol. 3A, 11.11.9).
    TRY(mapper.map(base, address_of(range.begin), bytes, Access::read_write, Caching::uncached, page_size));
    shared->devices_used += bytes;
    return reinterpret_cast<void *>(base + address.page_offset());
}

}  // namespace ringfold
