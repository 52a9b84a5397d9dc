// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/builder.hpp"

#include "hypervisor/boot/command_line.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/creation.hpp"
#include "hypervisor/domain/elf_error.hpp"
#include "hypervisor/domain/elf_image.hpp"
#include "hypervisor/domain/layout.hpp"
#include "hypervisor/domain/reaper.hpp"
#include "hypervisor/domain/vcpu_start.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/assignment.hpp"
#include "hypervisor/mm/entry.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/machine_to_physical.hpp"

#include <ringfold/start_info.h>

#include <algorithm>
#include <bit>

namespace ringfold {

namespace {

constexpr uint64_t table_flags = RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_ACCESSED;
constexpr uint64_t data_flags = RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_ACCESSED |
                                RINGFOLD_ENTRY_DIRTY | RINGFOLD_ENTRY_NO_EXECUTE;
constexpr unsigned extent_order = big_page_shift - page_shift;

// The pseudo-physical map while the domain is built: an array in frames of the hypervisor's.
class PhysicalMap {
  public:
    [[nodiscard]] static Result<PhysicalMap> create(FrameCount memory) {
        const FrameCount frames = FrameCount::holding(memory.raw() * sizeof(uint64_t));
        const Order order{static_cast<unsigned>(std::bit_width(frames.raw() - 1))};
        return PhysicalMap{TRY(allocate_frames(order)), order};
    }
    PhysicalMap(PhysicalMap &&other) noexcept : frame_(other.frame_), order_(other.order_), held_(other.held_) {
        other.held_ = false;
    }
    PhysicalMap(const PhysicalMap &) = delete;
    PhysicalMap &operator=(const PhysicalMap &) = delete;
    PhysicalMap &operator=(PhysicalMap &&) = delete;
    ~PhysicalMap() {
        if (held_) {
            free_frames(frame_, order_);
        }
    }

    [[nodiscard]] MachineFrame operator[](GuestFrame frame) const { return MachineFrame{words()[frame.raw()]}; }
    void set(GuestFrame frame, MachineFrame machine) { words()[frame.raw()] = machine.raw(); }
    [[nodiscard]] const uint64_t *words() const { return pointer_to<uint64_t>(frame_); }

  private:
    PhysicalMap(MachineFrame frame, Order order) : frame_(frame), order_(order) {}
    [[nodiscard]] uint64_t *words() { return pointer_to<uint64_t>(frame_); }

    MachineFrame frame_;
    Order order_;
    bool held_ = true;
};

// A block of zeroed frames for at most `left`: a whole extent while one can be had.
struct Block {
    MachineFrame first;
    Order order;
};
Result<Block> allocate_block(FrameCount left) {
    if (left.raw() >= frames_per_extent) {
        const Result<MachineFrame> extent = allocate_frames(Order{extent_order});
        if (extent.ok()) {
            return Block{.first = extent.value(), .order = Order{extent_order}};
        }
    }
    return Block{.first = TRY(allocate_frames(Order{0})), .order = Order{0}};
}

// Gives the domain its memory and writes both maps.
Result<void> populate(Domain &domain, FrameCount memory, PhysicalMap &map) {
    for (GuestFrame next{0}; next < GuestFrame{memory.raw()};) {
        const Block block = TRY(allocate_block(GuestFrame{memory.raw()} - next));
        const FrameCount frames = block.order.frames();
        if (const Result<void> assigned = assign_frames(domain.memory, block.first, frames); !assigned.ok()) {
            free_clean_frames(block.first, block.order);
            return assigned.error();
        }
        for (FrameCount frame{0}; frame < frames; frame += FrameCount{1}) {
            map.set(next + frame, block.first + frame);
            machine_to_physical::set(block.first + frame, next + frame);
        }
        next += frames;
    }
    return {};
}

// Copies bytes to pseudo-physical memory.
void copy_in(const PhysicalMap &map, uint64_t physical, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const uint64_t within = physical % page_size;
        const uint64_t count = std::min<uint64_t>(page_size - within, bytes.size());
        __builtin_memcpy(pointer_to<std::byte>(map[GuestFrame{physical >> page_shift}]) + within, bytes.data(), count);
        bytes = bytes.subspan(count);
        physical += count;
    }
}

void copy_to_frame(const PhysicalMap &map, GuestFrame frame, std::span<const std::byte> bytes) {
    copy_in(map, frame.raw() << page_shift, bytes);
}

// The flags with which a frame of the initial mapping is mapped.
uint64_t flags_of(GuestFrame frame, const ElfImage &image, const DomainLayout &layout) {
    if (layout.is_page_table(frame)) {
        return data_flags & ~uint64_t{RINGFOLD_ENTRY_WRITABLE};
    }
    for (const ElfSegment &segment : image.segments()) {
        if (frame >= segment.first_frame() && frame < segment.end_frame()) {
            return (segment.writable ? data_flags : data_flags & ~uint64_t{RINGFOLD_ENTRY_WRITABLE}) &
                   ~(segment.executable ? uint64_t{RINGFOLD_ENTRY_NO_EXECUTE} : 0);
        }
    }
    return data_flags;
}

// Hangs table number `table` of a level into the tables of the level above, whose first entry covers `first_address`.
void link(const PhysicalMap &map, GuestFrame upper_tables, uint64_t upper_first, uint64_t entry_number,
          MachineFrame target) {
    const uint64_t entry = entry_number - upper_first * table_entries;
    auto *table = pointer_to<uint64_t>(map[upper_tables + FrameCount{entry / table_entries}]);
    table[entry % table_entries] = Entry{target, table_flags}.raw();
}

// Fills the page tables. A table of level n is numbered by the address it covers, from address 0 of the (48-bit) space.
void map_memory(const ElfImage &image, const DomainLayout &layout, const PhysicalMap &map) {
    constexpr uint64_t address_bits = (uint64_t{1} << 48) - 1;
    const uint64_t first_page = (layout.virtual_base & address_bits) >> page_shift;
    const uint64_t first_l1 = first_page / table_entries;
    const uint64_t first_l2 = first_l1 / table_entries;
    const uint64_t first_l3 = first_l2 / table_entries;
    for (uint64_t index = 0; index < layout.l3_count.raw(); ++index) {
        link(map, layout.page_tables, 0, first_l3 + index, map[layout.l3_tables() + FrameCount{index}]);
    }
    for (uint64_t index = 0; index < layout.l2_count.raw(); ++index) {
        link(map, layout.l3_tables(), first_l3, first_l2 + index, map[layout.l2_tables() + FrameCount{index}]);
    }
    for (uint64_t index = 0; index < layout.l1_count.raw(); ++index) {
        link(map, layout.l2_tables(), first_l2, first_l1 + index, map[layout.l1_tables() + FrameCount{index}]);
    }
    for (GuestFrame frame{0}; frame < GuestFrame{layout.mapped.raw()}; ++frame) {
        const uint64_t entry = first_page + frame.raw() - first_l1 * table_entries;
        auto *table = pointer_to<uint64_t>(map[layout.l1_tables() + FrameCount{entry / table_entries}]);
        table[entry % table_entries] = Entry{map[frame], flags_of(frame, image, layout)}.raw();
    }
}

// Into its frame, which is zeroed.
void write_start_info(const Domain &domain, const DomainConfiguration &configuration, const DomainLayout &layout,
                      const PhysicalMap &map) {
    ringfold_start_info &info = *pointer_to<ringfold_start_info>(map[layout.start_info]);
    info.magic = RINGFOLD_START_INFO_MAGIC;
    info.abi_version = RINGFOLD_ABI_VERSION;
    info.domain_id = domain.id.raw();
    info.flags = start_flags() | (domain.rights.has(Right::control) ? RINGFOLD_START_PRIVILEGED : 0);
    info.vcpu_count = configuration.vcpus;
    info.frame_count = layout.memory.raw();
    info.virtual_base = layout.virtual_base;
    info.mapped_frames = layout.mapped.raw();
    info.physical_to_machine = layout.address(layout.physical_to_machine);
    info.root = map[layout.page_tables].raw();
    info.page_tables = layout.page_tables.raw();
    info.page_table_count = layout.page_table_count.raw();
    info.stack_top = layout.address(layout.stack + DomainLayout::stack_frames);
    info.vcpu_page = layout.vcpu_page.raw();
    info.first_free_frame = layout.first_free.raw();
    info.module_address = layout.module_size == 0 ? 0 : layout.address(layout.module);
    info.module_size = layout.module_size;
    const std::size_t length = std::min(configuration.command_line.size(), sizeof info.command_line - 1);
    std::copy_n(configuration.command_line.begin(), length, info.command_line);
}

void fill_memory(const DomainConfiguration &configuration, const ElfImage &image, const DomainLayout &layout,
                 const PhysicalMap &map) {
    for (const ElfSegment &segment : image.segments()) {
        copy_in(map, segment.physical_address, segment.bytes(configuration.kernel));
    }
    copy_to_frame(map, layout.module, configuration.module);
    copy_to_frame(map, layout.physical_to_machine, std::as_bytes(std::span{map.words(), layout.memory.raw()}));
    map_memory(image, layout, map);
}

Result<void> start_first_vcpu(Domain &domain, const ElfImage &image, const DomainLayout &layout,
                              const PhysicalMap &map) {
    ringfold_vcpu_entries entries{};
    entries.hypercall_return = image.hypercall_return.raw();
    TRY(check_entries(entries));
    ringfold_vcpu_context context{};
    context.rip = image.entry.raw();
    context.rsp = layout.address(layout.stack + DomainLayout::stack_frames);
    context.argument = layout.address(layout.start_info);
    context.root = map[layout.page_tables].raw();
    context.vcpu_page = map[layout.vcpu_page].raw();
    for (;;) {
        const Result<void> started = start_domain(*domain.vcpus[0], entries, context);
        if (started.ok() || started.error() != Error::again) {
            return started.ok() ? Result<void>{} : Result<void>{started.error()};
        }
    }
}

Result<void> build(Domain &domain, const DomainConfiguration &configuration, const ElfImage &image,
                   const DomainLayout &layout) {
    PhysicalMap map = TRY(PhysicalMap::create(layout.memory));
    TRY(populate(domain, layout.memory, map));
    write_start_info(domain, configuration, layout, map);
    fill_memory(configuration, image, layout, map);
    return start_first_vcpu(domain, image, layout, map);
}

Result<void> refuse(const DomainConfiguration &configuration, Error error, std::string_view what) {
    log_error("domain {}: {}: {}", configuration.name, what, error);
    return error;
}

}  // namespace

uint64_t start_flags() {
    return (RINGFOLD_DEBUG != 0 ? RINGFOLD_START_DEBUG : 0) |
           (this_cpu().features.process_context_ids ? RINGFOLD_START_PCID : 0);
}

Result<void> build_domain(DomainId id, const DomainConfiguration &configuration) {
    if (configuration.vcpus == 0 || configuration.vcpus > RINGFOLD_MAX_VCPUS) {
        return refuse(configuration, Error::out_of_range, "vcpus must be 1 to 64");
    }
    const Expected<ElfImage, ElfError> image = parse_elf_image(configuration.kernel);
    if (!image.ok()) {
        log_error("domain {}: its image is refused: {}", configuration.name, reason(image.error()));
        return Error::malformed;
    }
    const Result<DomainLayout> layout =
        lay_out_domain(image.value(), configuration.memory, configuration.module.size());
    if (!layout.ok()) {
        return refuse(configuration, layout.error(), "its image and module do not fit into its memory");
    }
    Result<DomainReference> domain = create_domain(id, {.name = configuration.name,
                                                        .maximum = configuration.memory,
                                                        .rights = configuration.rights,
                                                        .vcpus = configuration.vcpus,
                                                        .first_cpu = configuration.first_cpu});
    if (!domain.ok()) {
        return refuse(configuration, domain.error(), "no memory for its description");
    }
    domain.value()->events.lock()->set_limit(configuration.port_limit);
    const Result<void> built = build(*domain.value(), configuration, image.value(), layout.value());
    if (!built.ok()) {
        destroy_unborn_domain(*domain.value());
        return refuse(configuration, built.error(), "it cannot be built");
    }
    log_info("d{} {}: {} MiB, {} vCPUs, entry {:#x}", id, configuration.name, configuration.memory.bytes() >> 20,
             configuration.vcpus, image.value().entry.raw());
    return {};
}

}  // namespace ringfold
