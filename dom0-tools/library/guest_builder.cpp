// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/guest_builder.hpp"

#include "dom0-tools/library/guest_memory.hpp"
#include "hypervisor/domain/first_mapping.hpp"
#include "hypervisor/domain/layout.hpp"

#include <ringfold/start_info.h>

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace ringfold::tools {

namespace {

constexpr std::size_t longest_command_line = sizeof(ringfold_start_info{}.command_line) - 1;

FrameCount frames_of_map(const GuestPlan &plan) { return FrameCount::holding(plan.maximum.raw() * sizeof(uint64_t)); }

Outcome<DomainLayout> lay_out(const GuestPlan &plan) {
    const Result<DomainLayout> layout =
        lay_out_domain(plan.kernel->image(), plan.memory, plan.ramdisk.size(), frames_of_map(plan));
    if (layout.ok()) {
        return layout.value();
    }
    if (layout.error() == Error::malformed) {
        return Failure{Kind::image, "the kernel's first mapping does not fit into the address space"};
    }
    const uint64_t needed = plan.kernel->image().end_frame().raw() + FrameCount::holding(plan.ramdisk.size()).raw();
    return Failure{
        Kind::configuration,
        fmt::format(
            "the kernel ({} MiB in memory), its RAM disk ({} MiB) and what goes with them do not fit "
            "into {} MiB that are mapped at the start, of {} MiB of memory",
            (plan.kernel->image().end_frame().raw() + 255) / 256, (plan.ramdisk.size() >> 20),
            std::max<uint64_t>(plan.kernel->image().mapped_bytes.value_or(DomainLayout::default_mapped_bytes) >> 20, 1),
            plan.memory.bytes() >> 20) +
            (needed >= plan.memory.raw() ? ": give it more memory" : "")};
}

// A control page, where devices can be listed from now on. A kernel that serves none will do for a guest without any.
Outcome<ringfold_start_info> open_devices(const Hypervisor &hypervisor, const GuestPlan &plan, DomainId id) {
    ringfold_start_info info{};
    const Outcome<ControlPlace> place = hypervisor.port().open_devices(id);
    if (!place.ok()) {
        const bool wanted = !plan.disks.empty() || !plan.networks.empty();
        return !wanted && place.error().kind == Kind::unsupported ? Outcome<ringfold_start_info>{info} : place.error();
    }
    info.control_domain = TRY(hypervisor.describe(self_domain)).domain;
    info.control_reference = place.value().reference;
    info.control_port = place.value().port;
    for (const DiskConfig &disk : plan.disks) {
        TRY(hypervisor.port().add_disk(id, disk));
    }
    for (const NetworkConfig &network : plan.networks) {
        TRY(hypervisor.port().add_network(id, network));
    }
    return info;
}

// Of the start info's flags, what is as true for a guest as for the control domain.
constexpr uint64_t properties_of_the_machine =
    RINGFOLD_START_DEBUG | RINGFOLD_START_PCID | RINGFOLD_START_TSC | RINGFOLD_START_BIG_EXECUTABLE;

// Where fill() writes all the rest of the start.
void write_start_info(const GuestPlan &plan, const DomainLayout &layout, const GuestMemory &memory, DomainId id,
                      uint64_t features, ringfold_start_info info) {
    info.magic = RINGFOLD_START_INFO_MAGIC;
    info.abi_version = RINGFOLD_ABI_VERSION;
    info.domain_id = id.raw();
    info.flags = features & properties_of_the_machine;
    info.vcpu_count = plan.vcpus;
    info.range_count = 1;
    info.ranges[0] = {.first = 0, .count = plan.maximum.raw()};
    info.frame_count = plan.maximum.raw();
    describe_layout(layout, GuestFrame{0}, info);
    info.physical_to_machine = layout.address(layout.physical_to_machine);
    info.root = memory[layout.page_tables].raw();
    std::copy(plan.command_line.begin(), plan.command_line.end(), info.command_line);
    memory.write(layout.start_info.raw() << page_shift, std::as_bytes(std::span{&info, 1}));
}

void fill(const GuestPlan &plan, const DomainLayout &layout, const GuestMemory &memory) {
    const ElfImage &image = plan.kernel->image();
    for (const ElfSegment &segment : image.segments()) {
        memory.lend(segment.physical_address, segment.bytes(plan.kernel->elf()));
    }
    memory.lend(layout.module.raw() << page_shift, plan.ramdisk);
    std::vector<uint64_t> map(memory.frames().begin(), memory.frames().end());
    map.resize(plan.maximum.raw(), RINGFOLD_NO_FRAME);
    memory.write(layout.physical_to_machine.raw() << page_shift, std::as_bytes(std::span{map}));
    write_first_mapping(memory, image, layout);
}

ringfold_vcpu_context first_context(const GuestPlan &plan, const DomainLayout &layout, const GuestMemory &memory) {
    ringfold_vcpu_context context{};
    context.rip = plan.kernel->image().entry.raw();
    context.rsp = layout.address(layout.stack + DomainLayout::stack_frames);
    context.argument = layout.address(layout.start_info);
    context.root = memory[layout.page_tables].raw();
    context.vcpu_page = memory[layout.vcpu_page].raw();
    return context;
}

ringfold_domain_configuration configuration_of(const GuestPlan &plan) {
    ringfold_domain_configuration configuration{};
    std::copy(plan.name.begin(), plan.name.end(), configuration.name);
    configuration.maximum_frames = plan.maximum.raw();
    configuration.vcpu_count = plan.vcpus;
    configuration.first_cpu = plan.first_cpu;
    return configuration;
}

// A domain that destroys itself unless it is kept.
class UnfinishedDomain {
  public:
    UnfinishedDomain(const Hypervisor &hypervisor, DomainId id) : hypervisor_(hypervisor), id_(id) {}
    UnfinishedDomain(const UnfinishedDomain &) = delete;
    UnfinishedDomain &operator=(const UnfinishedDomain &) = delete;
    ~UnfinishedDomain() {
        if (!kept_) {
            // Its creation has failed already and says why; nothing but the builder knows the domain.
            (void)hypervisor_.destroy(id_).ok();
        }
    }

    [[nodiscard]] DomainId id() const { return id_; }
    void keep() { kept_ = true; }

  private:
    const Hypervisor &hypervisor_;
    DomainId id_;
    bool kept_ = false;
};

Outcome<void> check_lengths(const GuestPlan &plan) {
    if (plan.command_line.size() > longest_command_line) {
        return Failure{Kind::configuration, fmt::format("the command line has {} bytes; at most {} fit",
                                                        plan.command_line.size(), longest_command_line)};
    }
    return {};
}

// The layout of a plan whose lengths are right.
Outcome<DomainLayout> check_and_lay_out(const GuestPlan &plan) {
    TRY(check_lengths(plan));
    return lay_out(plan);
}

}  // namespace

Outcome<void> check_plan(const GuestPlan &plan) {
    TRY(check_and_lay_out(plan));
    return {};
}

Outcome<BuiltGuest> build_guest(const Hypervisor &hypervisor, const GuestPlan &plan) {
    const DomainLayout layout = TRY(check_and_lay_out(plan));
    const HypervisorVersion version = TRY(hypervisor.version());
    UnfinishedDomain domain(hypervisor, TRY(hypervisor.create(configuration_of(plan))));
    if (const Outcome<void> claimed = hypervisor.claim(domain.id(), plan.memory); !claimed.ok()) {
        return claimed.error().kind == Kind::memory ? too_little_memory(hypervisor, plan.memory) : claimed.error();
    }
    Outcome<std::vector<uint64_t>> frames = hypervisor.populate(domain.id(), plan.memory);
    if (!frames.ok()) {
        return during(fmt::format("{} MiB of memory for it", plan.memory.bytes() >> 20), frames.error());
    }
    GuestMemory memory = TRY(GuestMemory::create(frames.take(), FrameCount{layout.first_free.raw()}));
    const ringfold_start_info devices = TRY(open_devices(hypervisor, plan, domain.id()));
    write_start_info(plan, layout, memory, domain.id(), version.features, devices);
    fill(plan, layout, memory);
    TRY(memory.copy_to(hypervisor, domain.id()));
    domain.keep();
    BuiltGuest built;
    built.id = domain.id();
    built.first_vcpu = first_context(plan, layout, memory);
    built.hypercall_return = plan.kernel->image().hypercall_return.raw();
    built.frames = memory.take_frames();
    built.map = {.first_frame = layout.physical_to_machine.raw(),
                 .entries = plan.maximum.raw(),
                 .start_info = layout.start_info.raw()};
    return built;
}

Failure too_little_memory(const Hypervisor &hypervisor, FrameCount wanted) {
    const Outcome<ringfold_counters> counters = hypervisor.counters();
    return {Kind::memory,
            fmt::format("it needs {} MiB of memory{}", wanted.bytes() >> 20,
                        counters.ok() ? fmt::format(", but the machine has {} MiB free",
                                                    FrameCount{counters.value().free_frames}.bytes() >> 20)
                                      : ", which the machine has not free")};
}

Outcome<void> start_guest(const Hypervisor &hypervisor, const BuiltGuest &guest) {
    return hypervisor.start(guest.id, guest.first_vcpu, guest.hypercall_return);
}

}  // namespace ringfold::tools
