// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 memory=32M icount=1 timeout=60 hosts=qemu
//
// A start that is preempted half way through the validation of its root is to be issued again (XSA-296: the
// continuation of an initialise went on from what the first call had left). The attack changes the arguments in
// between: a context that is refused, another root, another page. Expected: each call acts on its own arguments alone;
// until one succeeds the vCPU is offline; the half validated root is ordinary memory again when it is asked for as
// such.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t l1_tables = 256;

constinit uint64_t words[table_entries] = {};
constinit std::atomic<uint64_t> started{0};  // release/acquire

void second(uint64_t argument) { started.store(argument, std::memory_order_release); }

MachineFrame make_table_with(uint64_t index, uint64_t entry) {
    for (uint64_t &word : words) {
        word = 0;
    }
    words[index] = entry;
    return make_table(words);
}

// A root on which this kernel runs, with 131072 more entries in its lower half.
MachineFrame make_big_root() {
    const MachineFrame page = machine_frame(allocate_frame());
    uint64_t l1[l1_tables];
    for (uint64_t &entry : l1) {
        for (uint64_t &word : words) {
            word = entry_for(page, user_read_only);
        }
        entry = entry_for(make_table(words), table_flags);
    }
    for (uint64_t index = 0; index < table_entries; ++index) {
        words[index] = index < l1_tables ? l1[index] : 0;
    }
    const MachineFrame l3 = make_table_with(0, entry_for(make_table(words), table_flags));
    const volatile uint64_t *const own = table_entries_of({start_info().root});
    for (uint64_t index = 0; index < table_entries; ++index) {
        words[index] = own[index];
    }
    words[0] = entry_for(l3, table_flags);
    return make_table(words);
}

Result start(MachineFrame root, uint64_t argument, uint64_t rip = 0) {
    ringfold_vcpu_context &context = *call_buffer<ringfold_vcpu_context>();
    fill_vcpu_context(context, 1, second, argument);
    context.root = root.number;
    context.rip = rip != 0 ? rip : context.rip;
    return hypercall(RINGFOLD_HYPERCALL_VCPU_START, 1, 0);
}

void check_offline(const char *what) {
    check_result(hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 1), 0, RINGFOLD_VCPU_OFFLINE, what);
}

void check_started(uint64_t argument) {
    join_vcpu(1);
    check_equal(started.load(std::memory_order_acquire), argument, "which start it was");
}

}  // namespace

void guest_main() {
    const MachineFrame own = {start_info().root};
    const MachineFrame big = make_big_root();

    check_status(start(big, 1), -RINGFOLD_EAGAIN, "a start with a big root");
    check_offline("state after it was preempted");
    check_status(start(big, 2, 0x8000'0000'0000), -RINGFOLD_EACCES, "going on with a bad context");
    check_status(start({~uint64_t{0} >> 12}, 3), -RINGFOLD_EFAULT, "going on with no root");
    check_offline("state after both");
    check_equal(started, 0, "starts");

    check_status(start(own, 4), 0, "going on with another root");
    check_started(4);

    // From where the first call left it, or from its beginning: at last it is validated.
    check_status(start(big, 5), -RINGFOLD_EAGAIN, "the big root again");
    Result result{};
    do {
        result = start(big, 6);
    } while (result.status == -RINGFOLD_EAGAIN);
    check_status(result, 0, "its last part");
    check_started(6);
    check_status(start({start_info().root}, 7), 0, "back to the usual root");
    check_started(7);

    const MachineFrame other = make_big_root();
    check_status(start(other, 8), -RINGFOLD_EAGAIN, "one more big root");
    map_initially(other, kernel_data);  // ends the test if it is not ordinary memory
    store<uint64_t>(linear_address(other), 0);
    check_status(start(other, 9), -RINGFOLD_EBUSY, "a start on memory that is mapped writable");
    check_offline("state at the end");
}
