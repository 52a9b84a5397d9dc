// SPDX-License-Identifier: Apache-2.0
//
// The machine, for a domain that may use hardware.
#include "hypervisor/boot/main.hpp"
#include "hypervisor/cpu/port_io.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/platform/port_rights.hpp"

#include <ringfold/platform.h>

#include <algorithm>

namespace ringfold::hypercall {

Returns_value port_read(Vcpu & /*caller*/, uint32_t port, uint32_t width) {
    const uint16_t number = TRY(check_port_access(port, width));
    switch (width) {
        case RINGFOLD_PORT_BYTE:
            return uint64_t{read_port8(number)};
        case RINGFOLD_PORT_WORD:
            return uint64_t{read_port16(number)};
        default:
            return uint64_t{read_port32(number)};
    }
}

Returns_nothing port_write(Vcpu & /*caller*/, uint32_t port, uint32_t width, uint32_t value) {
    const uint16_t number = TRY(check_port_access(port, width));
    switch (width) {
        case RINGFOLD_PORT_BYTE:
            write_port8(number, static_cast<uint8_t>(value));
            return {};
        case RINGFOLD_PORT_WORD:
            write_port16(number, static_cast<uint16_t>(value));
            return {};
        default:
            write_port32(number, value);
            return {};
    }
}

Returns_value machine_memory_read(Vcpu &caller, uint32_t first, uint64_t offset, uint32_t count) {
    const auto ranges = boot_information().memory.view();
    const uint64_t begin = std::min<uint64_t>(first, ranges.size());
    const uint64_t written = std::min<uint64_t>(count, ranges.size() - begin);
    TRY(caller.call_buffer.check(offset, written * sizeof(ringfold_machine_range)));
    for (uint64_t index = 0; index < written; ++index) {
        const MemoryRange &range = ranges[begin + index];
        TRY(caller.call_buffer.write_object(offset + index * sizeof(ringfold_machine_range),
                                            ringfold_machine_range{.begin = range.begin.raw(),
                                                                   .size = range.size(),
                                                                   .type = static_cast<uint32_t>(range.type),
                                                                   .reserved = 0}));
    }
    return written;
}

}  // namespace ringfold::hypercall
