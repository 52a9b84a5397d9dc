// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// vcpu_register takes all entry points or none. Refused with EACCES: an address that is not canonical or in L4 slot
// 256, in each field; hypercall_return in the lower half; a window that ends before it starts. EFAULT: a range outside
// the buffer. After each refusal the old entry points still work.
#include "framework/guest.hpp"

#include <cstddef>

using namespace guest;

namespace {

constexpr uint64_t bad_addresses[] = {
    0x0000'8000'0000'0000, 0xffff'7fff'ffff'ffff, 0xffff'8000'0000'0000, 0xffff'8000'0000'1000, 0xffff'807f'ffff'ffff,
};

void check_alive(const char *what) {
    check_equal(catch_entry([] { asm volatile("ud2"); }).frame.vector, invalid_opcode, what);
}

void check_refused(const ringfold_vcpu_entries &entries, const char *what) {
    check_status(register_entries(entries), -RINGFOLD_EACCES, what);
    check_alive(what);
}

}  // namespace

void guest_main() {
    for (uint64_t field = 0; field < sizeof(ringfold_vcpu_entries) / 8; ++field) {
        const uint64_t vector = field - offsetof(ringfold_vcpu_entries, exceptions) / 8;
        if (vector == 2 || vector == 18) {  // NMI and #MC are ignored
            continue;
        }
        for (const uint64_t address : bad_addresses) {
            ringfold_vcpu_entries entries = default_entries();
            reinterpret_cast<uint64_t *>(&entries)[field] = address;
            check_refused(entries, "a bad address in a field");
        }
    }
    for (const uint64_t address : Words{1, 0x1000, 0x0000'7fff'ffff'fffe}) {
        ringfold_vcpu_entries entries = default_entries();
        entries.hypercall_return = address;
        check_refused(entries, "hypercall_return in the lower half");
    }
    ringfold_vcpu_entries entries = default_entries();
    entries.window_start = entries.window_iretq + 1;
    check_refused(entries, "a window that ends before it starts");

    for (const uint64_t offset : Words{call_buffer_size, call_buffer_size - sizeof entries + 8, 1ULL << 32, ~7ULL}) {
        check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_REGISTER, offset), -RINGFOLD_EFAULT,
                     "a range outside the buffer");
        check_alive("a range outside the buffer");
    }
    entries = default_entries();
    entries.exceptions[2] = bad_addresses[0];
    entries.exceptions[18] = bad_addresses[0];
    check_status(register_entries(entries), 0, "entries that are ignored");
    check_status(register_entries(default_entries()), 0, "registering the same again");
    check_alive("the end");
}
