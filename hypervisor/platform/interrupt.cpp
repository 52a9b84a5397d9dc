// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/interrupt.hpp"

#include "hypervisor/console/serial_input.hpp"
#include "hypervisor/cpu/count.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/event/physical_irq.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/platform/local_apic.hpp"
#include "hypervisor/platform/serial.hpp"
#include "hypervisor/platform/vectors.hpp"
#include "hypervisor/sched/scheduler.hpp"
#include "hypervisor/trace/trace.hpp"

namespace ringfold {

void handle_interrupt(uint8_t vector) {
    trace::note<trace::Class::interrupts>(RINGFOLD_TRACE_INTERRUPT, vector);
    if (vector == vector_spurious) {
        return;  // nothing is in service (Intel SDM vol. 3, 10.9)
    }
    if (vector >= vector_pic_first && vector < vector_device_first) {
        return;  // a masked 8259's spurious interrupt; the local APIC knows nothing of it
    }
    if (is_device_vector(vector)) {
        if (!deliver_physical_irq(vector)) {
            log_debug("interrupt: vector {:#x} is nobody's any more", vector);
        }
        end_of_interrupt();
        return;
    }
    if (vector == vector_serial) {
        silence_serial();  // before the end of interrupt: the line may be wired as level-triggered
    }
    end_of_interrupt();
    switch (vector) {
        case vector_timer:
            scheduler::handle_timer();
            return;
        case vector_ipi_event:
        case vector_ipi_flush:
            // What is asked for stands in this CPU's requests, which the way back to the guest looks at.
            count_one(&Counts::ipis_received);
            return;
        case vector_serial:
            handle_serial_interrupt();
            return;
        case vector_apic_error:
            log_error("local APIC: error status {:#x}", take_apic_errors());
            return;
        default:
            log_warning("interrupt: nobody handles vector {:#x}", vector);
            return;
    }
}

}  // namespace ringfold
