// SPDX-License-Identifier: Apache-2.0
#include "framework/call_buffer.hpp"

#include "framework/hypercall.hpp"
#include "framework/memory.hpp"
#include "framework/vcpu.hpp"

namespace guest {
namespace {

alignas(page_size) constinit uint8_t buffers[max_vcpus][call_buffer_size] = {};

}  // namespace

uint8_t *call_buffer_bytes() { return buffers[this_vcpu_id()]; }

char *console_buffer() { return reinterpret_cast<char *>(buffers[this_vcpu_id()] + console_offset); }

void set_up_call_buffer() {
    for (uint64_t page = 0; page < call_buffer_size / page_size; ++page) {
        const MachineFrame frame = machine_frame_at(&buffers[this_vcpu_id()][page * page_size]);
        hypercall_to_its_end(RINGFOLD_HYPERCALL_CALL_BUFFER_SET, page, frame.number);
    }
}

}  // namespace guest
