// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 hosts=qemu,bochs
//
// Several hypercalls in one: each has its own result, what comes behind a refused one is carried out, and rights,
// arguments and results are those of the call issued alone. Attacks: a multicall in a multicall, calls that block or do
// not return, gate calls, calls without the right, too many elements, elements outside the buffer, an element that
// writes over the next one, one that takes the elements' own page away. Expected: the exact status of each, and nothing
// else written.
#include "framework/guest.hpp"

#include <ringfold/domain.h>

using namespace guest;

namespace {

using Element = ringfold_multicall_element;
constexpr int64_t untouched = 0x7777'7777;

#define ALONE(number, name) number,
constexpr uint64_t alone[] = {
#include <ringfold/alone_table.inc>
};

Element *elements() { return call_buffer<Element>(); }

void put(uint64_t index, uint64_t number, uint64_t argument0 = 0, uint64_t argument1 = 0, uint64_t argument2 = 0) {
    elements()[index] = {
        number, {argument0, argument1, argument2, 0, 0, 0}, untouched, static_cast<uint64_t>(untouched)};
}

// All of them, however often it is preempted: how many were done.
Result issue(uint64_t count, uint64_t offset = 0) {
    for (uint64_t done = 0;;) {
        const Result result = hypercall(RINGFOLD_HYPERCALL_MULTICALL, offset + done * sizeof(Element), count - done);
        done += result.value;
        if (result.status != -RINGFOLD_EAGAIN) {
            return {result.status, done};
        }
    }
}

void check_element(uint64_t index, int64_t status, uint64_t value, const char *what) {
    check_result({elements()[index].status, elements()[index].value}, status, value, what);
}

void check_different_families() {
    put(0, RINGFOLD_HYPERCALL_VERSION, 0);
    put(1, RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 1, 0x1234);
    put(2, RINGFOLD_HYPERCALL_DEBUG_REGISTER_GET, 1);
    put(3, RINGFOLD_HYPERCALL_VCPU_STATE, 1);
    put(4, RINGFOLD_HYPERCALL_VCPU_STATE, 2);  // refused; the rest goes on
    put(5, RINGFOLD_HYPERCALL_EVENT_BIND_IPI, 0);
    put(6, RINGFOLD_HYPERCALL_EVENT_CLOSE, 1);
    put(7, RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE, RINGFOLD_DOMAIN_SELF, 2048);
    put(8, RINGFOLD_HYPERCALL_VERSION, 1ULL << 32);
    put(9, RINGFOLD_HYPERCALL_COUNT);
    put(10, RINGFOLD_GATE_INVALIDATE_PAGE);
    put(11, ~0ULL);
    put(12, RINGFOLD_HYPERCALL_DOMAIN_CREATE, 0);  // without the right
    put(13, RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 1, 0);
    put(14, RINGFOLD_HYPERCALL_VERSION);
    const Result alone_version = version(0);
    check_result(issue(14), 0, 14, "fourteen calls");
    check_element(0, 0, alone_version.value, "version");
    check_element(1, 0, 0, "debug_register_set");
    check_element(2, 0, 0x1234, "debug_register_get");
    check_element(3, 0, RINGFOLD_VCPU_OFFLINE, "vcpu_state");
    check_element(4, -RINGFOLD_ENOENT, 0, "of no vCPU");
    check_element(5, 0, 1, "event_bind_ipi");
    check_element(6, 0, 0, "event_close");
    check_element(7, 0, 0, "domain_describe");
    check_equal(call_buffer<ringfold_domain_info>(2048)->domain, start_info().domain_id, "what it wrote");
    check_element(8, -RINGFOLD_ERANGE, 0, "an argument of 33 bits");
    check_element(9, -RINGFOLD_ENOSYS, 0, "an unknown number");
    check_element(10, -RINGFOLD_ENOSYS, 0, "a gate call");
    check_element(11, -RINGFOLD_ENOSYS, 0, "number 2^64 - 1");
    check_element(12, -RINGFOLD_EPERM, 0, "without the right");
    check_element(14, untouched, static_cast<uint64_t>(untouched), "one behind the last");
}

void check_calls_that_go_alone() {
    for (const uint64_t number : alone) {
        put(0, number, 0, 1);
        put(1, RINGFOLD_HYPERCALL_VERSION);
        check_result(issue(2), 0, 2, "one that goes alone, and another");
        check_element(0, -RINGFOLD_EINVAL, 0, "one that goes alone");
        check_equal(static_cast<uint64_t>(elements()[1].status), 0, "the one behind it");
    }
    check(sizeof alone / sizeof alone[0] >= 6, "%lu calls go alone", sizeof alone / sizeof alone[0]);
}

void check_ranges() {
    put(0, RINGFOLD_HYPERCALL_VERSION);
    check_result(issue(0), 0, 0, "no call");
    check_result(issue(0, ~0ULL), -RINGFOLD_EFAULT, 0, "none, at an offset that wraps");
    check_result(issue(RINGFOLD_MULTICALL_MAX + 1), -RINGFOLD_ERANGE, 0, "too many");
    check_result(issue(~0ULL), -RINGFOLD_ERANGE, 0, "2^64 - 1");
    check_result(issue(1, call_buffer_size - sizeof(Element) + 1), -RINGFOLD_EFAULT, 0, "past the buffer");
    check_result(issue(call_buffer_size / sizeof(Element) + 1), -RINGFOLD_EFAULT, 0, "the last one past the buffer");
    check_element(0, untouched, static_cast<uint64_t>(untouched), "a refused multicall's first element");
}

// An element that is written over by the one before it is the one that then stands there.
void check_overlap() {
    put(0, RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE, RINGFOLD_DOMAIN_SELF, sizeof(Element));
    put(1, RINGFOLD_HYPERCALL_SHUTDOWN, 0, 1);
    check_result(issue(2), 0, 2, "an element that overwrites the next one");
    check_element(0, 0, 0, "the first");
    const uint64_t number = elements()[1].number & 0xffff'ffff;  // the description begins with the domain's number
    check_equal(number, start_info().domain_id, "the second one's number");
    check(elements()[1].status != untouched, "it was not carried out");
}

void check_page_taken_away() {
    const uint64_t frame = machine_frame_at(call_buffer_bytes()).number;
    put(0, RINGFOLD_HYPERCALL_CALL_BUFFER_SET, 0, RINGFOLD_NO_FRAME);
    put(1, RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 1, 0x99);
    check_result(issue(2), -RINGFOLD_EFAULT, 0, "one that takes the page away");
    check_result(hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_GET, 1), 0, 0, "the one behind it was not carried out");
    check_element(0, untouched, static_cast<uint64_t>(untouched), "nothing is written to a page that was taken away");
    check_status(hypercall(RINGFOLD_HYPERCALL_CALL_BUFFER_SET, 0, frame), 0, "giving it back");
}

}  // namespace

void guest_main() {
    check_different_families();
    check_calls_that_go_alone();
    check_ranges();
    check_overlap();
    check_page_taken_away();
}
