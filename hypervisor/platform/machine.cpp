// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/machine.hpp"

#include "hypervisor/cpu/hypervisor_space.hpp"
#include "hypervisor/cpu/ring1_selftest.hpp"
#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/lib/panic.hpp"
#include "hypervisor/platform/acpi_power.hpp"
#include "hypervisor/platform/io_apics.hpp"
#include "hypervisor/platform/ipi.hpp"
#include "hypervisor/platform/local_apic.hpp"
#include "hypervisor/platform/pic.hpp"
#include "hypervisor/platform/power.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/platform/wall_clock.hpp"

namespace ringfold {
namespace {

constinit AcpiDescription description{};

// Firmware's tables are read through uncached mappings of their own: they may lie in memory that is not RAM to us.
Result<ByteSpan> read_mapped(const void * /*context*/, MachineAddress address, uint64_t size) {
    const auto *bytes = static_cast<const uint8_t *>(TRY(map_device(address, size)));
    return ByteSpan{bytes, size};
}

void report(const AcpiProblems &problems) {
    for (const AcpiProblem &problem : problems.list()) {
        log_warning("ACPI: {}: {}", problem.table.text(), problem.reason);
    }
    if (problems.dropped() != 0) {
        log_warning("ACPI: {} more problems", problems.dropped());
    }
}

void report_machine() {
    const Madt &madt = description.madt;
    for (const AcpiTable &table : description.tables) {
        log_debug("ACPI: table {} at {}, {} bytes", table.signature.text(), table.address, table.bytes.size());
    }
    log_info("machine: {} processors, {} IO-APICs, HPET {}, PM timer {}, 8259 {}", madt.processors.size(),
             madt.io_apics.size(), description.hpet ? "yes" : "no",
             description.fadt && description.fadt->pm_timer ? "yes" : "no", madt.has_8259 ? "yes" : "no");
    if (madt.processors_beyond_limit != 0) {
        log_warning("machine: {} processors beyond the limit of {} are left out", madt.processors_beyond_limit,
                    madt_most_processors);
    }
}

}  // namespace

Result<void> discover_machine(ByteSpan boot_loader_copy) {
    AcpiProblems problems;
    const PhysicalReader reader{read_mapped, nullptr};
    const auto parsed = parse_acpi(reader, boot_loader_copy, description, problems);
    report(problems);
    if (!parsed.ok()) {
        return parsed.error();
    }
    report_machine();
    return {};
}

Result<void> initialise_machine(ByteSpan boot_loader_copy) {
    silence_pics();
    TRY(discover_machine(boot_loader_copy));
    TRY(initialise_local_apics(description.madt.local_apic));
    initialise_local_apic(description.madt);
    if (!number_cpus(description.madt, local_apic_id()).ok()) {
        log_error("machine: the MADT does not list the boot processor, APIC id {}", local_apic_id());
        return Error::malformed;
    }
    TRY(initialise_io_apics(description.madt));
    if (const auto breach = verify_ring1()) {
        log_error(
            "this processor does not keep ring 1 in bounds: {} gave vector {} (error {:#x}, RFLAGS {:#x}), expected {}",
            breach->instruction, breach->vector, breach->error, breach->rflags, breach->expected);
        return Error::not_supported;
    }
    TRY(initialise_time(description));
    initialise_timer();
    initialise_wall_clock();
    set_log_clock(nanoseconds_since_boot);
    set_online(CpuId{0});
    set_panic_stop(send_nmi_to_all_others);
    set_power_off(acpi_power_off);
    set_reset(acpi_reset);
    return {};
}

const AcpiDescription &machine_description() { return description; }

}  // namespace ringfold
