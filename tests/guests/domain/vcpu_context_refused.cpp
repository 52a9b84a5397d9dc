// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x83 smp=2 timeout=60 hosts=qemu,bochs
//
// Attack: by way of vcpu_context_set, everything that a guest cannot do to itself: ring-0 selectors, call gates, I/O
// privilege, interrupts off, addresses that are not canonical or in slot 256, watching the hypervisor, a root that is
// somebody else's or has an entry 256; and contexts of vCPUs that run, that are offline, that are one's own. Expected:
// the exact error, and every word of the context unchanged.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <cstring>

using namespace guest;

namespace {

using Registers = ringfold_vcpu_registers;
constexpr uint64_t call_gate = 0x0000'ec00'0008'0000;
constexpr uint64_t kernel_code = 0x00af'9b00'0000'ffff;
using Selectors = std::initializer_list<uint16_t>;
constexpr uint64_t not_canonical = 0x0000'8000'0000'0000;
constexpr uint64_t in_slot_256 = 0xffff'8000'0000'1000;

constinit Child child;
constinit Registers good{};

Result get(uint64_t domain, uint64_t vcpu = 0, uint64_t offset = 0) {
    return hypercall(RINGFOLD_HYPERCALL_VCPU_CONTEXT_GET, domain, vcpu, offset);
}
Result set(uint64_t domain, uint64_t vcpu = 0, uint64_t offset = 0) {
    return hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_CONTEXT_SET, domain, vcpu, offset);
}

template <typename Change>
void refuse(int64_t error, const char *what, Change change) {
    Registers &registers = *call_buffer<Registers>();
    registers = good;
    change(registers);
    check_status(set(child.id), -error, what);
    std::memset(call_buffer_bytes(), 0x5a, sizeof registers);
    check_status(get(child.id), 0, what);
    check(std::memcmp(&registers, &good, sizeof good) == 0, "%s: refused, but something changed", what);
}

void check_values() {
    for (const uint64_t address : Words{not_canonical, in_slot_256, RINGFOLD_VCPU_PAGE_ADDRESS}) {
        refuse(RINGFOLD_EACCES, "rip", [=](auto &r) { r.rip = address; });
        refuse(RINGFOLD_EACCES, "a debug address", [=](auto &r) { r.debug_addresses[3] = address; });
        refuse(RINGFOLD_EACCES, "an entry point", [=](auto &r) { r.entries.upcall = address; });
    }
    refuse(RINGFOLD_EACCES, "FS base", [](auto &r) { r.fs_base = not_canonical; });
    refuse(RINGFOLD_EACCES, "GS base", [](auto &r) { r.gs_base = not_canonical; });
    refuse(RINGFOLD_EACCES, "hypercall_return below", [](auto &r) { r.entries.hypercall_return = 0x1000; });
    refuse(RINGFOLD_EACCES, "a watch that reaches slot 256",
           [](auto &r) { r.debug_addresses[0] = in_slot_256 - 0x1004; });
    for (const uint64_t control : Words{0x2000, 0x800, 0x20000, 1ULL << 32}) {
        refuse(RINGFOLD_EACCES, "DR7", [=](auto &r) { r.debug_control = control; });
    }
    for (const uint64_t bit : Words{3, 12, 13, 15, 17, 19, 20, 22, 63}) {
        refuse(RINGFOLD_EACCES, "a flag that is never set", [=](auto &r) { r.rflags |= 1ULL << bit; });
    }
    refuse(RINGFOLD_EACCES, "interrupts off", [](auto &r) { r.rflags &= ~0x200ULL; });
    refuse(RINGFOLD_EINVAL, "another vCPU page", [](auto &r) { r.vcpu_page = child.frames[Child::buffer].number; });
}

void check_selectors() {
    for (const uint16_t cs : Selectors{0, 0x10, 0x12, 0x19, 0x80, 0x81, 0x82, 0x90, 0x7, 0x60}) {
        if ((cs & 3) != 3) {
            refuse(RINGFOLD_EACCES, "CS", [=](auto &r) { r.cs = cs; });
        }
    }
    for (const uint16_t ss : Selectors{0x2, 0x3, 0x11, 0x18, 0x1b, 0x2b, 0x88, 0x89}) {
        refuse(RINGFOLD_EACCES, "SS of ring 1", [=](auto &r) { r.ss = ss; });
    }
    refuse(RINGFOLD_EACCES, "ring 3 on a stack of ring 1", [](auto &r) { r.cs = RINGFOLD_USER_CS; });
    for (const uint16_t selector : Selectors{0x80, 0x83, 0x88, 0x8b, 0x90, 0x50, 0x58, 0x40, 0x8, 0xa0, 0xfff8}) {
        refuse(RINGFOLD_EACCES, "DS", [=](auto &r) { r.ds = selector; });
        refuse(RINGFOLD_EACCES, "GS", [=](auto &r) { r.gs = selector; });
    }
    refuse(RINGFOLD_EACCES, "a call gate", [](auto &r) { r.thread_descriptors[2] = call_gate; });
    refuse(RINGFOLD_EACCES, "code of ring 0", [](auto &r) { r.cpu_number_descriptor = kernel_code; });
}

void check_roots() {
    const uint64_t own = machine_frame_at(call_buffer_bytes()).number;
    for (const uint64_t frame : Words{own, RINGFOLD_NO_FRAME, 0, 1ULL << 40}) {
        refuse(RINGFOLD_EFAULT, "a root that is not the child's", [=](auto &r) { r.root = frame; });
    }
    refuse(RINGFOLD_EBUSY, "an L1 as root", [](auto &r) { r.root = child.frames[Child::l1].number; });
    refuse(RINGFOLD_EBUSY, "a writable page as root", [](auto &r) { r.root = child.frames[Child::buffer].number; });
}

void check_targets() {
    check_status(get(RINGFOLD_DOMAIN_SELF), -RINGFOLD_EINVAL, "one's own");
    check_status(set(start_info().domain_id), -RINGFOLD_EINVAL, "one's own");
    check_status(get(4000), -RINGFOLD_ENOENT, "nobody's");
    for (const uint64_t vcpu : Words{2, 63, 64, 0xffff'ffff}) {
        check_status(get(child.id, vcpu), -RINGFOLD_ENOENT, "of no vCPU");
        check_status(set(child.id, vcpu), -RINGFOLD_ENOENT, "of no vCPU");
    }
    check_status(get(child.id, 1), -RINGFOLD_ENOENT, "of a vCPU that is offline");
    check_status(set(child.id, 1), -RINGFOLD_ENOENT, "of a vCPU that is offline");
    check_status(get(child.id, 0, call_buffer_size - sizeof good + 1), -RINGFOLD_EFAULT, "past the buffer");
    check_status(set(child.id, 0, ~0ULL), -RINGFOLD_EFAULT, "an offset that wraps");
    check_result(unpause_domain(child.id), 0, 0, "unpausing it");
    check_status(get(child.id), -RINGFOLD_EBUSY, "of one that runs");
    check_status(set(child.id), -RINGFOLD_EBUSY, "of one that runs");
}

}  // namespace

void guest_main() {
    child = run_child(child_spins, 0, {.vcpu_count = 2, .first_cpu = 1});
    check_result(pause_domain(child.id), 0, 1, "pausing it");
    check_status(get(child.id), 0, "vcpu_context_get");
    good = *call_buffer<Registers>();
    check_values();
    check_selectors();
    check_roots();
    check_targets();
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SHUTDOWN, child.id, 0, 0), 0, "shutdown");
    await_domain_state(child.id, RINGFOLD_DOMAIN_ENDED);
    check_status(get(child.id), -RINGFOLD_EBUSY, "of one that has ended");
    check_status(destroy_domain(child.id), 0, "destroying it");
}
