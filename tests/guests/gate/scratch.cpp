// SPDX-License-Identifier: Apache-2.0
// guest: timeout=60 hosts=qemu,bochs
//
// The gate's scratch is writable by ring 1, so the gate may trust nothing that stood there before an entry. Between
// entries ring 1 fills all of it with random words: addresses of the kernel, of the slot, small numbers, selectors.
// Expected: system calls, exceptions, hypercalls, gate calls, slow returns and upcalls all behave, thousands of times;
// seed printed.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t scratch = 0xffff'8000'0004'0000;
constexpr uint64_t scratch_words = 6 * page_size / 8;
constexpr unsigned rounds = 1500;

uint64_t random_word(Random &random) {
    const uint64_t value = random.next();
    switch (value >> 61) {
        case 0:
            return 0;
        case 1:
            return ~uint64_t{0};
        case 2:
            return value >> 56;
        case 3:
            return scratch + value % (6 * page_size);
        case 4:
            return 0xffff'8000'0000'0000 + value % big_page_size;
        case 5:
            return RINGFOLD_KERNEL_CS + value / 8 % 4 * 8;
        case 6:
            return reinterpret_cast<uint64_t>(hypercall_return) - value / 8 % 4;
        default:
            return value;
    }
}

void fill_scratch(Random &random) {
    for (uint64_t i = 0; i < scratch_words; ++i) {
        store<uint64_t>(scratch + 8 * i, random_word(random));
    }
}

USER_PROGRAM void call() { asm volatile("incq %rbx\n\tsyscall"); }
USER_PROGRAM void fault() { asm volatile("incq %rbx\n\tmovq %rax, (%rdi)"); }

void one_entry(uint64_t kind) {
    Frame frame = user_frame(kind % 2 == 0 ? call : fault, 0x1000);
    frame.rbx = 7;
    switch (kind) {
        case 0:
        case 1: {
            const Entry entry = run_user(frame);
            check(entry.frame.vector == (kind == 0 ? entry_system_call : page_fault) && entry.frame.rbx == 8,
                  "from ring 3: entry 0x%lx rbx %lu", entry.frame.vector, entry.frame.rbx);
            break;
        }
        case 2: {  // with an upcall pending: the slow return; the timer's may come on top
            const uint64_t before = this_vcpu().upcalls.load();
            vcpu_page().upcall_pending = 1;
            const Entry entry = run_user(frame);
            check(entry.frame.vector == entry_system_call && entry.frame.rbx == 8 && this_vcpu().upcalls > before,
                  "slow return: entry 0x%lx rbx %lu", entry.frame.vector, entry.frame.rbx);
            break;
        }
        case 3:
            check_equal(catch_entry([] { asm volatile("ud2"); }).frame.vector, invalid_opcode, "from ring 1");
            break;
        case 4:
            check_result(version(0), 0, RINGFOLD_ABI_VERSION, "a hypercall");
            break;
        case 5:
            check_status(hypercall(RINGFOLD_GATE_INVALIDATE_PAGE, scratch), 0, "a gate call");
            break;
        default:
            check_status(hypercall(RINGFOLD_GATE_FLUSH), 0, "a gate flush");
            break;
    }
}

}  // namespace

void guest_main() {
    set_up_user();
    Random random{choose_seed()};
    arm_timer(millisecond);
    for (unsigned round = 0; round < rounds; ++round) {
        fill_scratch(random);
        one_entry(random.below(7));
        if (round % 64 == 0) {
            arm_timer(200 * microsecond);  // an interrupt of the hypervisor's own at an odd moment
        }
    }
    disable_upcalls();
}
