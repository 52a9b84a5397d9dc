// SPDX-License-Identifier: Apache-2.0
//
// The trace, for a domain that may have it.
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/trace/session.hpp"

namespace ringfold::hypercall {

namespace {

struct FrameList {
    const CallBuffer &buffer;
    uint64_t offset;
};

Result<MachineFrame> read_frame(void *context, uint32_t number) {
    const FrameList &list = *static_cast<const FrameList *>(context);
    uint64_t frame = 0;
    TRY(list.buffer.read_object(list.offset + number * sizeof frame, frame));
    return MachineFrame{frame};
}

}  // namespace

Returns_nothing trace_start(Vcpu &caller, uint32_t classes, uint64_t offset, uint32_t frames_per_ring) {
    if (classes == 0 || (classes & ~RINGFOLD_TRACE_CLASSES_ALL) != 0) {
        return Error::invalid_argument;
    }
    if (frames_per_ring == 0 || frames_per_ring > RINGFOLD_TRACE_FRAMES_MAX) {
        return Error::out_of_range;
    }
    TRY(caller.call_buffer.check(offset, uint64_t{trace::ring_count()} * frames_per_ring * sizeof(uint64_t)));
    FrameList list{.buffer = caller.call_buffer, .offset = offset};
    return trace::start(caller.domain, classes, frames_per_ring, {.context = &list, .read = read_frame});
}

Returns_nothing trace_stop(Vcpu &caller) { return trace::stop(caller.domain); }

Returns_nothing trace_status_read(Vcpu &caller, uint64_t offset) {
    return caller.call_buffer.write_object(offset, trace::status());
}

}  // namespace ringfold::hypercall
