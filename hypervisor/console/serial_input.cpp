// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/console/serial_input.hpp"

#include "hypervisor/console/focus.hpp"
#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/platform/io_apics.hpp"
#include "hypervisor/platform/isa_interrupt.hpp"
#include "hypervisor/platform/machine.hpp"
#include "hypervisor/platform/serial.hpp"
#include "hypervisor/platform/serial_output.hpp"
#include "hypervisor/platform/vectors.hpp"

#include <array>
#include <span>

namespace ringfold {

namespace {

// How much one interrupt handles. A port without a wire behind it is never empty: the rest waits for the next
// interrupt, which comes when the guest has had its turn.
constexpr std::size_t most_at_once = 64;

}  // namespace

void begin_serial_input() {
    const InterruptLine line = isa_interrupt(machine_description().madt, serial_isa_irq);
    const auto processor = static_cast<uint8_t>(apic_id_of(CpuId{0}));
    if (const auto claimed = claim_interrupt(line.gsi, line.wiring, vector_serial, processor); !claimed.ok()) {
        log_warning("console: no input, and output waits for the port, because of interrupt {}: {}", line.gsi,
                    claimed.error());
        return;
    }
    begin_serial_interrupts();
}

void handle_serial_interrupt() {
    std::array<char, most_at_once> bytes;
    std::size_t length = 0;
    while (length < bytes.size()) {
        const std::optional<char> byte = read_serial();
        if (!byte.has_value()) {
            break;
        }
        bytes[length++] = *byte;
    }
    focus::receive(std::span{bytes}.first(length));
    resume_serial_output();
}

}  // namespace ringfold
