// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff
//
// Traces that cannot be. Expected: the exact error, no trace, and no frame held, whatever frames came before the one
// that is refused; while another domain traces, -EBUSY, and only that domain can end it; its death ends it.
#include "framework/child.hpp"
#include "framework/guest.hpp"
#include "framework/trace.hpp"

#include <ringfold/debug.h>

using namespace guest;

#define CALL_BUFFER_SET "2"
#define TRACE_START "81"
static_assert(RINGFOLD_HYPERCALL_CALL_BUFFER_SET == 2 && RINGFOLD_HYPERCALL_TRACE_START == 81);

// Registers its buffer (RDI: its machine frame), and traces everything into that same page.
CHILD_PROGRAM void child_traces() {
    asm volatile("movq %rdi, %rbx\n\tmovq %rdi, %rsi\n\txorl %edi, %edi\n\tmovl $" CALL_BUFFER_SET
                 ", %eax\n\tcall child_hypercall\n\t"
                 "movq %rbx, (%rsp)\n\tmovl $0x7f, %edi\n\txorl %esi, %esi\n\tmovl $1, %edx\n\tmovl $" TRACE_START
                 ", %eax\n\tcall child_hypercall\n"
                 "1:\tpause\n\tjmp 1b");
}

namespace {

uint64_t references(MachineFrame frame) {
    constexpr uint64_t offset = 3072;
    check_status(hypercall(RINGFOLD_HYPERCALL_DEBUG_FRAME, frame.number, offset), 0, "debug_frame");
    return call_buffer<ringfold_frame_info>(offset)->reference_count;
}

void check_no_trace(const char *what) {
    const ringfold_trace_status shown = trace_status();
    check(shown.domain == 0 && shown.classes == 0 && shown.written == 0, "%s: there is a trace", what);
}

void refuse(uint64_t classes, uint64_t offset, uint64_t frames, int64_t error, const char *what) {
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_TRACE_START, classes, offset, frames), -error, what);
    check_no_trace(what);
}

void refuse_frames(uint64_t second, int64_t error, const char *what) {
    const MachineFrame good = machine_frame(allocate_frame());
    const uint64_t before = is_debug_hypervisor() ? references(good) : 0;
    for (uint64_t number = 0; number < 16; ++number) {
        call_buffer<uint64_t>()[number] = second;
    }
    call_buffer<uint64_t>()[0] = good.number;
    refuse(hypercall_class, 0, 16, error, what);
    if (is_debug_hypervisor()) {
        check_equal(references(good), before, "references of a frame that came before");
    }
}

void refuse_arguments() {
    *call_buffer<uint64_t>() = machine_frame(allocate_frame()).number;
    refuse(0, 0, 1, RINGFOLD_EINVAL, "no class");
    refuse(RINGFOLD_TRACE_CLASSES_ALL + 1, 0, 1, RINGFOLD_EINVAL, "an unknown class");
    refuse(0x1'0000'0001, 0, 1, RINGFOLD_ERANGE, "classes of 33 bits");
    refuse(hypercall_class, 0, 0, RINGFOLD_ERANGE, "no frame");
    refuse(hypercall_class, 0, RINGFOLD_TRACE_FRAMES_MAX + 1, RINGFOLD_ERANGE, "a frame too many");
    refuse(hypercall_class, call_buffer_size - 4, 1, RINGFOLD_EFAULT, "a list past the call buffer");
    refuse(hypercall_class, ~0ULL - 3, 1, RINGFOLD_EFAULT, "an offset that wraps");
    refuse_frames(0, RINGFOLD_EFAULT, "a frame that is nobody's");
    refuse_frames(~0ULL, RINGFOLD_EFAULT, "a frame number of all ones");
    refuse_frames(this_vcpu().root.number, RINGFOLD_EBUSY, "a page table");
    check_status(hypercall(RINGFOLD_HYPERCALL_TRACE_STATUS_READ, call_buffer_size - 16), -RINGFOLD_EFAULT,
                 "a status past the call buffer");
}

}  // namespace

void guest_main() {
    refuse_arguments();
    TraceRings rings{1};
    const Child child = create_child({.rights = RINGFOLD_RIGHT_TRACE});
    fill_child(child);
    refuse_frames(child.frames[Child::buffer].number, RINGFOLD_EFAULT, "a frame of another domain");
    check_status(start_child(child, child_context(child, child_traces, child.frames[Child::buffer].number)), 0,
                 "child");
    for (const uint64_t end = system_time() + 5'000 * millisecond; trace_status().domain == 0 && system_time() < end;) {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    check_equal(trace_status().domain, child.id, "who traces");
    check_status(rings.start(hypercall_class), -RINGFOLD_EBUSY, "a second trace");
    check_status(stop_trace(), -RINGFOLD_ENOENT, "ending another domain's");
    check_equal(trace_status().domain, child.id, "who traces still");
    check(read_child_word(child, Child::buffer, 0) != 0, "the child's ring has no record");
    check_status(destroy_domain(child.id), 0, "destroying it");
    check_no_trace("after the death of who traced");
    check_status(rings.start(hypercall_class), 0, "tracing then");
    check_status(stop_trace(), 0, "ending it");
}
