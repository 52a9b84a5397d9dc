// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=1 hosts=qemu,bochs
//
// A segment register keeps what it holds when its descriptor changes. The hypervisor loads it again at a vCPU switch:
// in ring 0, where an exception has no place to go. The attack: a selector is loaded, its descriptor is then made one
// that is not present, which VERR does not tell, or is taken away, and the vCPU gives way. Expected: it runs on, and
// the register is null, as after a return to an outer ring.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t data_descriptor = 0x00cf'f200'0000'ffff;
constexpr uint64_t absent_descriptor = 0x00cf'7200'0000'ffff;
constexpr uint32_t local_selector = 0x07;
constexpr uint32_t thread_selector = RINGFOLD_TLS_FIRST_INDEX * 8 + 3;

constinit std::atomic<uint64_t> turns{0};  // relaxed: of the other vCPU
constinit std::atomic<bool> done{false};   // relaxed

void set_both(uint64_t descriptor) {
    *call_buffer<uint64_t>() = descriptor;
    check_status(hypercall(RINGFOLD_HYPERCALL_LOCAL_DESCRIPTOR_TABLE_SET, 0, 1), 0, "an LDT");
    check_status(hypercall(RINGFOLD_HYPERCALL_THREAD_DESCRIPTOR_SET, 0, descriptor), 0, "a TLS slot");
}

void load_es(uint32_t selector) { asm volatile("movl %0, %%es" : : "r"(selector)); }

uint32_t read_es() {
    uint32_t selector = 0;
    asm volatile("movl %%es, %0" : "=r"(selector));
    return selector;
}

void other(uint64_t) {
    while (!done.load(std::memory_order_relaxed)) {
        turns.fetch_add(1, std::memory_order_relaxed);
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
}

void give_way() {
    const uint64_t before = turns.load(std::memory_order_relaxed);
    while (turns.load(std::memory_order_relaxed) == before) {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
}

}  // namespace

void guest_main() {
    start_vcpu(1, other, 0);
    for (const uint64_t after : {absent_descriptor, uint64_t{0}}) {
        for (const uint32_t selector : {local_selector, thread_selector}) {
            set_both(data_descriptor);
            load_es(selector);
            give_way();
            check_equal(read_es(), selector, "ES while its descriptor is there");
            set_both(after);
            check_equal(read_es(), selector, "ES before the vCPU gives way");
            give_way();
            check_equal(read_es(), 0, "ES after it");
        }
    }
    done.store(true, std::memory_order_relaxed);
    join_vcpu(1);
}
