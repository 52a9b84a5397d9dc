// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/builder.hpp"

#include "hypervisor/boot/command_line.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/creation.hpp"
#include "hypervisor/domain/elf_error.hpp"
#include "hypervisor/domain/elf_image.hpp"
#include "hypervisor/domain/first_mapping.hpp"
#include "hypervisor/domain/layout.hpp"
#include "hypervisor/domain/physical_map.hpp"
#include "hypervisor/domain/reaper.hpp"
#include "hypervisor/domain/vcpu_rules.hpp"
#include "hypervisor/domain/vcpu_start.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/entry_rules.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/platform/machine.hpp"
#include "hypervisor/platform/time.hpp"

#include <ringfold/start_info.h>

#include <algorithm>
#include <array>

namespace ringfold {

namespace {

// The domain's memory through the hypervisor's own mapping of it.
struct DirectMemory {
    const PhysicalMap &map;

    MachineFrame operator[](GuestFrame frame) const { return map[frame]; }
    [[nodiscard]] uint64_t *words(GuestFrame frame) const { return pointer_to<uint64_t>(map[frame]); }
};

// Copies bytes to memory, at an address that counts from its first frame.
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

void write_memory_ranges(const PhysicalMap &map, ringfold_start_info &info) {
    info.flags |= map.is_identity() ? RINGFOLD_START_IDENTITY : 0;
    info.frame_count = map.memory().raw();
    info.range_count = static_cast<uint32_t>(map.ranges().size());
    std::copy(map.ranges().begin(), map.ranges().end(), info.ranges);
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
    write_memory_ranges(map, info);
    describe_layout(layout, map.first_frame(), info);
    info.physical_to_machine = map.is_identity() ? 0 : layout.address(layout.physical_to_machine);
    info.root = map[layout.page_tables].raw();
    const std::size_t length = std::min(configuration.command_line.size(), sizeof info.command_line - 1);
    std::copy_n(configuration.command_line.begin(), length, info.command_line);
    if (domain.rights.has(Right::hardware)) {
        const std::array root_pointer = make_root_pointer(machine_description().root);
        std::copy(root_pointer.begin(), root_pointer.end(), info.acpi_root);
    }
}

// What the builder uses begins cleared, whatever the map's memory held.
void clear_used(const DomainLayout &layout, const PhysicalMap &map) {
    for (GuestFrame frame{0}; frame < layout.first_free; ++frame) {
        clear_frame(map[frame]);
    }
}

void fill_memory(const DomainConfiguration &configuration, const ElfImage &image, const DomainLayout &layout,
                 const PhysicalMap &map) {
    for (const ElfSegment &segment : image.segments()) {
        copy_in(map, segment.physical_address, segment.bytes(configuration.kernel));
    }
    copy_to_frame(map, layout.module, configuration.module);
    copy_to_frame(map, layout.physical_to_machine, std::as_bytes(map.physical_to_machine()));
    write_first_mapping(DirectMemory{map}, image, layout);
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

Result<void> refuse(const DomainConfiguration &configuration, Error error, std::string_view what) {
    log_error("domain {}: {}: {}", configuration.name, what, error);
    return error;
}

// Not inlined: with the frame of its caller it would take more of the stack than one function may.
[[gnu::noinline]] Result<void> build(Domain &domain, const DomainConfiguration &configuration, const ElfImage &image) {
    if (configuration.is_control) {
        // It lends pages to all other domains.
        TRY(domain.grants.table.lock()->set_limit(GrantTable::most_pages));
    }
    const Result<PhysicalMap> map = configuration.is_identical ? PhysicalMap::identical(domain, configuration.memory)
                                                               : PhysicalMap::scattered(domain, configuration.memory);
    if (!map.ok()) {
        return refuse(configuration, map.error(), "there is no memory for it");
    }
    const FrameCount map_frames = FrameCount::holding(map.value().physical_to_machine().size_bytes());
    const Result<DomainLayout> layout =
        lay_out_domain(image, map.value().contiguous(), configuration.module.size(), map_frames);
    if (!layout.ok()) {
        return refuse(configuration, layout.error(), "its image and module do not fit into its memory");
    }
    if (map.value().is_identity()) {
        clear_used(layout.value(), map.value());
    }
    write_start_info(domain, configuration, layout.value(), map.value());
    fill_memory(configuration, image, layout.value(), map.value());
    const Result<void> started = start_first_vcpu(domain, image, layout.value(), map.value());
    return started.ok() ? Result<void>{} : refuse(configuration, started.error(), "it cannot be started");
}

}  // namespace

uint64_t start_flags() {
    return (RINGFOLD_DEBUG != 0 ? RINGFOLD_START_DEBUG : 0) |
           (this_cpu().features.process_context_ids ? RINGFOLD_START_PCID : 0) |
           (tsc_in_step() ? RINGFOLD_START_TSC : 0) | (big_pages_executable() ? RINGFOLD_START_BIG_EXECUTABLE : 0);
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
    Result<DomainReference> domain = create_domain(id, {.name = configuration.name,
                                                        .maximum = configuration.maximum(),
                                                        .rights = configuration.rights,
                                                        .vcpus = configuration.vcpus,
                                                        .first_cpu = configuration.first_cpu,
                                                        .is_control = configuration.is_control,
                                                        .restarts_machine = configuration.restarts_machine});
    if (!domain.ok()) {
        return refuse(configuration, domain.error(), "no memory for its description");
    }
    domain.value()->events.lock()->set_limit(configuration.port_limit);
    const Result<void> built = build(*domain.value(), configuration, image.value());
    if (!built.ok()) {
        destroy_unborn_domain(*domain.value());
        return built.error();
    }
    log_info("d{} {}: {} MiB, {} vCPUs, entry {:#x}", id, configuration.name, configuration.memory.bytes() >> 20,
             configuration.vcpus, image.value().entry.raw());
    return {};
}

}  // namespace ringfold
