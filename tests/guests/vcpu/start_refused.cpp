// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=1 hosts=qemu,bochs
//
// vcpu_start checks its context: no such vCPU, itself, buffer ranges, addresses that are not canonical or in slot 256,
// a reserved word, a root or page of nobody, a page table or another vCPU's page as vCPU page, a root in another use or
// with an entry 256. Expected: the documented error, the vCPU still offline, and a good context starts it afterwards.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t not_canonical = 0x0000'8000'0000'0000;
constexpr uint64_t in_slot_256 = 0xffff'8000'0000'1000;

template <typename Change>
void check_refused(Change change, int64_t status, const char *what) {
    ringfold_vcpu_context &context = *call_buffer<ringfold_vcpu_context>();
    fill_vcpu_context(
        context, 1, [](uint64_t) { fatal_failure("a refused vCPU ran"); }, 0);
    change(context);
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 1, 0), status, what);
    check_result(hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 1), 0, RINGFOLD_VCPU_OFFLINE, what);
}

constinit uint64_t ran_with = 0;

}  // namespace

void guest_main() {
    using Context = ringfold_vcpu_context;
    for (const uint64_t address : Words{not_canonical, in_slot_256, RINGFOLD_VCPU_PAGE_ADDRESS}) {
        check_refused([=](Context &c) { c.rip = address; }, -RINGFOLD_EACCES, "rip");
    }
    check_refused([](Context &c) { c.gs_base = not_canonical; }, -RINGFOLD_EACCES, "gs_base");
    check_refused([](Context &c) { c.fs_base = not_canonical; }, -RINGFOLD_EACCES, "fs_base");
    check_refused([](Context &c) { c.reserved = 1; }, -RINGFOLD_EINVAL, "reserved");
    for (const uint64_t frame : Words{RINGFOLD_NO_FRAME, 0, 1ULL << 40, 1ULL << 52}) {
        check_refused([=](Context &c) { c.root = frame; }, -RINGFOLD_EFAULT, "root of nobody");
        check_refused([=](Context &c) { c.vcpu_page = frame; }, -RINGFOLD_EFAULT, "vcpu_page of nobody");
    }
    const MachineFrame table = make_table();
    check_result(pin(table, 1), 0, 1, "pinning an L1");
    check_refused([=](Context &c) { c.root = table.number; }, -RINGFOLD_EBUSY, "an L1 as root");
    check_refused([=](Context &c) { c.vcpu_page = table.number; }, -RINGFOLD_EBUSY, "an L1 as vcpu_page");
    check_refused([](Context &c) { c.root = machine_frame(allocate_frame()).number; }, -RINGFOLD_EBUSY,
                  "writable root");
    check_refused([](Context &c) { c.vcpu_page = machine_frame(vcpu_page_frame(0)).number; }, -RINGFOLD_EBUSY,
                  "our own page");
    uint64_t entries[table_entries] = {};
    entries[256] = entry_for(table, table_flags);
    const MachineFrame root = make_table(entries);
    check_refused([=](Context &c) { c.root = root.number; }, -RINGFOLD_EACCES, "a root with an entry 256");
    check_result(unpin(table), 0, 1, "unpinning the L1");

    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 2, 0), -RINGFOLD_ENOENT, "no such vCPU");
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 64, 0), -RINGFOLD_ENOENT, "vCPU 64");
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 0xffff'ffff, 0), -RINGFOLD_ENOENT,
                 "vCPU 2^32 - 1");
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 0, 0), -RINGFOLD_EEXIST, "itself");
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 1, call_buffer_size - 8), -RINGFOLD_EFAULT,
                 "half outside the buffer");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 2), -RINGFOLD_ENOENT, "state of no vCPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, 2), -RINGFOLD_ENOENT, "notifying no vCPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, 1), -RINGFOLD_ENOENT, "notifying an offline vCPU");

    start_vcpu(
        1, [](uint64_t value) { ran_with = value; }, 77);
    join_vcpu(1);
    check_equal(ran_with, 77, "a good context");
}
