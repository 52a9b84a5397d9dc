// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/acpi_power.hpp"

#include "hypervisor/cpu/port_io.hpp"
#include "hypervisor/platform/machine.hpp"

namespace ringfold {
namespace {

// PM1 control (ACPI 6.4, 4.8.3.2.1).
constexpr uint16_t sci_enabled = 1u << 0;
constexpr unsigned sleep_type_shift = 10;
constexpr uint16_t sleep_type_mask = 7u << sleep_type_shift;
constexpr uint16_t sleep_enable = 1u << 13;

// Commands take effect after a while; an access to the POST port takes about a microsecond.
void wait_briefly() {
    constexpr int microseconds = 100'000;
    for (int i = 0; i < microseconds; ++i) {
        write_port8(0x80, 0);
    }
}

bool usable(const std::optional<RegisterAddress> &reg) { return reg && reg->space == AddressSpace::port; }

void enter_acpi_mode(const Fadt &fadt, uint16_t control_port) {
    if ((read_port16(control_port) & sci_enabled) != 0 || fadt.smi_command_port == 0 || fadt.acpi_enable_value == 0) {
        return;
    }
    write_port8(static_cast<uint16_t>(fadt.smi_command_port), fadt.acpi_enable_value);
    wait_briefly();
}

void sleep(const RegisterAddress &control, uint8_t type) {
    const auto port = static_cast<uint16_t>(control.address);
    const auto kept = static_cast<uint16_t>(read_port16(port) & ~(sleep_type_mask | sleep_enable));
    write_port16(port, static_cast<uint16_t>(kept | type << sleep_type_shift | sleep_enable));
}

}  // namespace

void acpi_power_off() {
    const std::optional<Fadt> &fadt = machine_description().fadt;
    const std::optional<SoftOffType> &type = machine_description().soft_off;
    if (!fadt || !type || !usable(fadt->pm1a_control)) {
        return;
    }
    enter_acpi_mode(*fadt, static_cast<uint16_t>(fadt->pm1a_control->address));
    sleep(*fadt->pm1a_control, type->pm1a);
    if (usable(fadt->pm1b_control)) {
        sleep(*fadt->pm1b_control, type->pm1b);
    }
    wait_briefly();
}

void acpi_reset() {
    const std::optional<Fadt> &fadt = machine_description().fadt;
    // In memory or PCI configuration space it is left alone: mapping anything now may be what must not be done.
    if (!fadt || !fadt->reset || fadt->reset->reg.space != AddressSpace::port) {
        return;
    }
    write_port8(static_cast<uint16_t>(fadt->reset->reg.address), fadt->reset->value);
    wait_briefly();
}

}  // namespace ringfold
