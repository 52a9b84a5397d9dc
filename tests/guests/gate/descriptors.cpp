// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// A descriptor table is a way into ring 0: a call gate, a DPL-2 code segment, a system descriptor. Only 0 and code or
// data of DPL 3 may enter the LDT and the TLS slots. Expected: every other kind is refused with EACCES and the old
// table stays; good ones work from ring 3, and what is not present is reported as such where it is loaded; the accessed
// bit is set in the copy (a CPU that sets it would fault in ring 0's read-only table). Then every selector of the GDT
// is tried from ring 1: none leads anywhere but rings 1 and 3.
#include "framework/guest.hpp"

using namespace guest;

namespace {

// Access byte at bit 40: present 0x80, DPL 0x60, code or data 0x10, type (Intel SDM volume 3, section 3.4.5).
constexpr uint64_t descriptor(uint64_t access, uint64_t flags = 0xc) {
    return 0x000f'0000'0000'ffff | access << 40 | flags << 52;
}
constexpr uint64_t user_data_descriptor = descriptor(0xf2);
constexpr uint64_t user_code_descriptor = descriptor(0xfa);
constexpr uint64_t user_long_code_descriptor = descriptor(0xfa, 0xa);

constexpr uint64_t refused[] = {
    descriptor(0x12),       // not present, data of DPL 0
    descriptor(0x5a),       // not present, code of DPL 2
    descriptor(0x6c),       // not present, a call gate
    descriptor(0xfe),       // conforming code, DPL 3
    descriptor(0x92),       // data, DPL 0
    descriptor(0x9a, 0xa),  // code, DPL 0
    descriptor(0xb2),       // data, DPL 1
    descriptor(0xba, 0xa),  // code, DPL 1
    descriptor(0xd2),       // data, DPL 2
    descriptor(0xda, 0xa),  // code, DPL 2
    descriptor(0x9e, 0xa),  // conforming code, DPL 0
    descriptor(0xde, 0xa),  // conforming code, DPL 2
    descriptor(0xec),       // call gate, DPL 3
    descriptor(0xee),       // interrupt gate
    descriptor(0xef),       // trap gate
    descriptor(0xe5),       // task gate
    descriptor(0xe9),       // available TSS
    descriptor(0xeb),       // busy TSS
    descriptor(0xe2),       // LDT
    descriptor(0xe0),       // reserved system type
    1,                      // not 0 and not present
};

// Access bytes of what may be there and cannot be loaded: data, code, and conforming code, which is harmless so.
constexpr uint64_t absent[] = {0x72, 0x7a, 0x7e};

Result set_table(uint64_t offset, uint64_t count) {
    return hypercall(RINGFOLD_HYPERCALL_LOCAL_DESCRIPTOR_TABLE_SET, offset, count);
}

// Loads DS from RDI, reports its access rights in RBX (0: LAR refused).
USER_PROGRAM void load_selector() {
    asm volatile(
        "movl %edi, %ds\n\txorl %ebx, %ebx\n\tlarl %edi, %ebx\n\txorl %eax, %eax\n\tmovl %eax, %ds\n\tsyscall");
}

// Only reports its access rights, in RBX.
USER_PROGRAM void look_at_selector() { asm volatile("xorl %ebx, %ebx\n\tlarl %edi, %ebx\n\tsyscall"); }

void check_absent(uint64_t selector, uint64_t access) {
    const Entry seen = run_user(look_at_selector, selector);
    check(seen.frame.vector == entry_system_call && (seen.frame.rbx & 0xff00) == (access | 1) << 8,
          "rights 0x%lx of 0x%lx, which is not present", seen.frame.rbx, access);
    const Entry loaded = run_user(load_selector, selector);
    check(loaded.frame.vector == segment_not_present && loaded.frame.error == (selector & ~3ULL),
          "loading 0x%lx, which is not present: entry 0x%lx error 0x%lx", access, loaded.frame.vector,
          loaded.frame.error);
}

void check_selector(uint64_t selector, uint64_t rights, const char *what) {
    const Entry entry = run_user(load_selector, selector);
    check(entry.frame.vector == entry_system_call, "%s: entry 0x%lx error 0x%lx", what, entry.frame.vector,
          entry.frame.error);
    check_equal(entry.frame.rbx & 0xff00, rights << 8, what);
}

void local_table() {
    constexpr uint64_t first = 0x07;
    constexpr uint64_t second = 0x0f;
    uint64_t *table = call_buffer<uint64_t>();
    table[0] = user_data_descriptor;
    table[1] = user_code_descriptor;
    check_status(set_table(0, 2), 0, "a good LDT");
    check_selector(first, 0xf3, "its first entry: data, accessed");
    for (const uint64_t bad : refused) {
        table[0] = 0;
        table[1] = bad;
        const Result result = set_table(0, 2);
        check(result.status == -RINGFOLD_EACCES, "LDT descriptor 0x%lx: status %ld", bad, result.status);
        check_selector(first, 0xf3, "the old LDT after a refused one");
    }
    for (const uint64_t access : absent) {
        table[1] = descriptor(access);
        check_status(set_table(0, 2), 0, "an LDT with something that is not present");
        check_absent(second, access);
    }
    table[0] = user_long_code_descriptor;
    check_status(set_table(0, 1), 0, "another LDT");
    check_equal(run_user(load_selector, second).frame.vector, general_protection, "an entry behind its end");
    check_status(set_table(0, 8193), -RINGFOLD_ERANGE, "8193 descriptors");
    check_status(set_table(call_buffer_size - 8, 2), -RINGFOLD_EFAULT, "a table outside the buffer");
    check_status(set_table(0, 0), 0, "no LDT");
    check_equal(run_user(load_selector, first).frame.vector, general_protection, "an entry of no LDT");
}

void thread_slots() {
    for (uint64_t slot = 0; slot < RINGFOLD_TLS_COUNT + 1; ++slot) {
        const uint64_t selector = (RINGFOLD_TLS_FIRST_INDEX + slot) * 8 + 3;
        const Result good = hypercall(RINGFOLD_HYPERCALL_THREAD_DESCRIPTOR_SET, slot, user_data_descriptor);
        check_status(good, 0, "a good TLS descriptor");
        check_selector(selector, 0xf3, "a TLS slot: data, accessed");
        for (const uint64_t bad : refused) {
            const Result result = hypercall(RINGFOLD_HYPERCALL_THREAD_DESCRIPTOR_SET, slot, bad);
            check(result.status == -RINGFOLD_EACCES, "TLS descriptor 0x%lx: status %ld", bad, result.status);
            check_selector(selector, 0xf3, "the slot after a refused one");
        }
        for (const uint64_t access : absent) {
            const Result set = hypercall(RINGFOLD_HYPERCALL_THREAD_DESCRIPTOR_SET, slot, descriptor(access));
            check_status(set, 0, "a TLS descriptor that is not present");
            check_absent(selector, access);
        }
        check_status(hypercall(RINGFOLD_HYPERCALL_THREAD_DESCRIPTOR_SET, slot, 0), 0, "clearing it");
        check_equal(run_user(load_selector, selector).frame.vector, general_protection, "a cleared slot");
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_THREAD_DESCRIPTOR_SET, 4, user_data_descriptor), -RINGFOLD_ERANGE,
                 "slot 4");
}

// A far return from ring 1 to every selector of the GDT: those of ring 0 and what is no code must fault at the LRET.
extern "C" [[gnu::naked]] void far_return(uint64_t) {
    asm volatile(
        "leaq 1f(%rip), %rax\n\tpushq %rdi\n\tpushq %rax\n\t.globl far_return_at\nfar_return_at:\n\tlretq\n1:\n\tmovl %cs, %eax\n\tud2");
}
extern "C" const char far_return_at[];

void all_selectors() {
    constexpr uint64_t last_selector = 0xfff;
    for (uint64_t selector = 0; selector <= last_selector; ++selector) {
        if (selector == RINGFOLD_KERNEL_CS || (selector & 3) == 3 || (selector & 4) != 0) {
            continue;  // itself; ring 3 needs a whole frame; there is no LDT
        }
        const Entry entry = catch_entry([=] { far_return(selector); });
        check(entry.frame.vector == general_protection && entry.frame.error == (selector & ~3ULL) &&
                  entry.frame.rip == reinterpret_cast<uint64_t>(far_return_at),
              "far return to 0x%lx: entry 0x%lx error 0x%lx CS %lx", selector, entry.frame.vector, entry.frame.error,
              entry.frame.cs);
    }
}

}  // namespace

void guest_main() {
    set_up_user();
    local_table();
    thread_slots();
    all_selectors();
}
