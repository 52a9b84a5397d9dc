// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 hosts=qemu,bochs
//
// A vCPU that starts takes its event words along: from before its first start, and from one page to another when it is
// started with a new one. The old page is then the guest's again. Expected: pending and mask bits on the new page, the
// upcall flag set if there is anything to look for, nothing written to the old page any more, and its frame may be
// released.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constinit std::atomic<uint64_t> phase{0};  // release/acquire
constinit uint32_t seen_pending = 0;
constinit uint64_t seen_selector = 0;

void second(uint64_t stage) {
    seen_pending = vcpu_page().upcall_pending;
    seen_selector = vcpu_page().events.selector;
    phase.store(stage, std::memory_order_release);
}

ringfold_event_area &area_in(PhysicalFrame frame) {
    return reinterpret_cast<ringfold_vcpu_page *>(linear_address(frame))->events;
}

void start_on(PhysicalFrame page, uint64_t stage) {
    ringfold_vcpu_context &context = *call_buffer<ringfold_vcpu_context>();
    fill_vcpu_context(context, 1, second, stage);
    context.vcpu_page = machine_frame(page).number;
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 1, 0), 0, "starting it");
    wait_for(phase, stage);
    join_vcpu(1);
}

}  // namespace

void guest_main() {
    const uint32_t loud = bind_ipi(1);
    const uint32_t masked = bind_ipi(1);
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_MASK, masked), 0, "masking a port before the first start");
    check_result(send_event(masked), 0, 1, "sending to it");
    const PhysicalFrame first_page = allocate_frame();
    const PhysicalFrame second_page = allocate_frame();
    // What stood in a page before counts for nothing.
    area_in(first_page).selector = ~uint64_t{0};
    area_in(first_page).pending[3] = ~uint64_t{0};

    start_on(first_page, 1);
    check_equal(seen_pending, 0, "upcall_pending with a masked event only");
    check_equal(seen_selector, 0, "selector with a masked event only");
    check_equal(area_in(first_page).pending[0], uint64_t{1} << masked, "pending bits");
    check_equal(area_in(first_page).masked[0], uint64_t{1} << masked, "mask bits");
    check_equal(area_in(first_page).pending[3], 0, "pending bits of the guest's invention");

    check_result(send_event(loud), 0, 1, "sending while it is stopped");
    check_equal(area_in(first_page).pending[0], uint64_t{1} << masked | uint64_t{1} << loud, "pending bits then");
    start_on(second_page, 2);
    check_equal(seen_pending, 1, "upcall_pending on the new page");
    check_equal(seen_selector, 1, "selector on the new page");
    check_equal(area_in(second_page).pending[0], uint64_t{1} << masked | uint64_t{1} << loud, "pending bits there");
    check_equal(area_in(second_page).masked[0], uint64_t{1} << masked, "mask bits there");

    area_in(first_page).pending[0] = 0;
    check_status(close_port(loud), 0, "closing a port");
    check_equal(bind_ipi(1), loud, "binding it again");
    check_result(send_event(loud), 0, 1, "sending");
    check_equal(area_in(first_page).pending[0], 0, "the old page is written to");
    check((area_in(second_page).pending[0] & uint64_t{1} << loud) != 0, "the new page is not written to");

    // A start that is refused moves nothing.
    fill_vcpu_context(*call_buffer<ringfold_vcpu_context>(), 1, second, 3);
    call_buffer<ringfold_vcpu_context>()->vcpu_page = machine_frame(first_page).number;
    call_buffer<ringfold_vcpu_context>()->root = machine_frame(second_page).number;
    const Result refused = hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 1, 0);
    check_status(refused, -RINGFOLD_EBUSY, "starting it on a root that is its page");
    check_equal(area_in(first_page).pending[0], 0, "the refused page is written to");
    check_status(close_port(masked), 0, "closing the other port");
    check_equal(area_in(second_page).pending[0], uint64_t{1} << loud, "the words are where they were");
}
