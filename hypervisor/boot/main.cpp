// SPDX-License-Identifier: Apache-2.0
//
// The order in which the hypervisor comes up. boot_main() runs on the boot page tables and ends in the hypervisor's own
// address space; start_ringfold() does the rest there.
#include "hypervisor/boot/main.hpp"

#include "hypervisor/boot/banner.hpp"
#include "hypervisor/boot/early_exceptions.hpp"
#include "hypervisor/boot/early_memory.hpp"
#include "hypervisor/boot/image_layout.hpp"
#include "hypervisor/boot/start.hpp"
#include "hypervisor/console/focus.hpp"
#include "hypervisor/cpu/control_registers.hpp"
#include "hypervisor/cpu/features.hpp"
#include "hypervisor/cpu/hypervisor_space.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/cpu/space_check.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/lib/panic.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/platform/power.hpp"
#include "hypervisor/platform/serial.hpp"
#include "hypervisor/platform/serial_output.hpp"

namespace ringfold {

namespace {

constinit BootInformation information;

// Machine memory that the boot page tables map.
constexpr uint64_t boot_tables_reach = uint64_t{4} << 30;

Result<ByteSpan> read_low_memory(const void * /*context*/, MachineAddress address, uint64_t size) {
    if (address.raw() >= boot_tables_reach || size > boot_tables_reach - address.raw()) {
        return Error::out_of_range;
    }
    return ByteSpan{pointer_to<const uint8_t>(address), size};
}

void apply_options(CommandLine options) {
    if (const auto port = options.number("exit_port", 0xffff); port.ok()) {
        set_exit_port(static_cast<uint16_t>(port.value()));
    } else if (port.error() != Error::not_found) {
        log_warning("exit_port= wants a port number");
    }
    if (const auto name = options.value("loglevel")) {
        if (const auto level = parse_log_level(*name)) {
            set_console_level(*level);
        } else {
            log_warning("loglevel= is one of error, warning, info, debug");
        }
    }
    if (const auto form = options.value("console")) {
        if (*form == "raw") {
            focus::set_raw_sink(write_serial_bytes);
        } else if (*form != "lines") {
            log_warning("console= is one of lines, raw");
        }
    }
}

// Leaves the boot page tables for good.
void enter_hypervisor_space(const CpuFeatures &features) {
    const ImageLayout &image = image_layout();
    auto built = begin_early_memory(information, image, frame_of(MachineAddress{boot_tables_reach}));
    if (built.ok()) {
        built = build_shared_space(information, image, boot_stack().base - page_size, features.gigabyte_pages,
                                   allocate_early_frames);
    }
    if (!built.ok()) {
        panic("no memory for the hypervisor's page tables: {}", built.error());
    }
    auto space = create_cpu_space(CpuId{0});
    if (!space.ok()) {
        panic("no memory for the first CPU: {}", space.error());
    }
    write_cr3(address_of(space.value().hypervisor_root).raw());
    set_per_cpu_ready();
    set_log_cpu(current_cpu);
    raise_early_memory_limit();
    initialise_control_registers();
    verify_spaces();
}

}  // namespace

const BootInformation &boot_information() { return information; }

CommandLine boot_options() { return CommandLine{information.command_line()}; }

}  // namespace ringfold

extern "C" [[noreturn]] void boot_main(uint32_t magic, uint32_t address);

extern "C" void boot_main(uint32_t magic, uint32_t address) {
    using namespace ringfold;
    initialise_serial();
    set_console_sink(write_serial_line);
    load_early_exceptions();
    const PhysicalReader reader{read_low_memory, nullptr};
    const auto parsed = parse_boot_information(magic, MachineAddress{address}, reader, information);
    if (!parsed.ok()) {
        panic("boot information: {}", name_of(parsed.error()));
    }
    apply_options(boot_options());
    const CpuFeatures features = detect_features();
    log_banner(information, features);
    enter_hypervisor_space(features);
    start_ringfold();
}
