// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 rights=0xdf hosts=qemu,bochs
//
// Attack (XSA-122): outputs that nobody wrote tell what was on the hypervisor's stack or heap. In debug builds both are
// full of 0xA5 where nothing was written. Every hypercall of the table is issued, with arguments that make it write
// what it can, with all of them 0 and with all bits set. Expected: no run of four bytes 0xA5 in a register or the call
// buffer.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <cstring>

using namespace guest;

namespace {

constexpr uint64_t runs_over = 4;
constexpr uint8_t poison = 0xa5;

#define HYPERCALL(number, name, ...) #name,
constexpr const char *names[] = {
#include <ringfold/dispatch_table.inc>
};
constinit bool issued[RINGFOLD_HYPERCALL_COUNT] = {};

bool has_run(const void *memory, uint64_t size) {
    uint64_t length = 0;
    for (uint64_t index = 0; index < size && length < runs_over; ++index) {
        length = static_cast<const uint8_t *>(memory)[index] == poison ? length + 1 : 0;
    }
    return length == runs_over;
}

// RCX and R11 are lost to every hypercall: they, too, must not tell anything.
int64_t issue(uint64_t number, uint64_t a0 = 0, uint64_t a1 = 0, uint64_t a2 = 0, uint64_t a3 = 0, uint64_t a4 = 0) {
    uint64_t rax = number, rcx = 0, rdx = a2;
    register uint64_t r10 asm("r10") = a3;
    register uint64_t r8 asm("r8") = a4;
    register uint64_t r9 asm("r9") = a4;
    register uint64_t r11 asm("r11");
    asm volatile("call ringfold_hypercall_entry"
                 : "+a"(rax), "=c"(rcx), "+d"(rdx), "=r"(r11)
                 : "D"(a0), "S"(a1), "r"(r10), "r"(r8), "r"(r9)
                 : "memory", "cc");
    const uint64_t registers[] = {rax, rcx, rdx, r11};
    issued[number] = true;
    check(!has_run(registers, sizeof registers) && !has_run(call_buffer_bytes(), page_size),
          "%s(0x%lx, 0x%lx, 0x%lx) tells poison: RAX 0x%lx, RCX 0x%lx, RDX 0x%lx, R11 0x%lx, or the call buffer",
          names[number], a0, a1, a2, rax, rcx, rdx, r11);
    return static_cast<int64_t>(rax);
}

void clear() { std::memset(call_buffer_bytes(), 0, page_size); }

// One that must succeed, so that it writes what it can.
template <typename... Arguments>
void write_output(uint64_t number, Arguments... arguments) {
    int64_t status = 0;
    do {
        status = issue(number, arguments...);
    } while (status == -RINGFOLD_EAGAIN);
    check(status == 0, "%s: status %ld", names[number], status);
    clear();
}

void describe_domains(const Child &child) {
    const uint64_t id = child.id;
    write_output(RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE, id, 8UL);
    write_output(RINGFOLD_HYPERCALL_DOMAIN_LIST, 0UL, 8UL, 3UL);
    write_output(RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ, id, 8UL);
    write_output(RINGFOLD_HYPERCALL_DOMAIN_MAXIMUM_SET, id, 64UL);
    write_output(RINGFOLD_HYPERCALL_DOMAIN_POPULATE, id, 8UL, 3UL, 0UL);
    write_output(RINGFOLD_HYPERCALL_DOMAIN_PAUSE, id, 0UL);
    write_output(RINGFOLD_HYPERCALL_VCPU_CONTEXT_GET, id, 0UL, 8UL);
    write_output(RINGFOLD_HYPERCALL_DOMAIN_UNPAUSE, id);
    write_output(RINGFOLD_HYPERCALL_EVENT_OFFER, id, start_info().domain_id);
    write_output(RINGFOLD_HYPERCALL_EVENT_LIMITS_READ, id, 8UL);
    *call_buffer<ringfold_domain_copy_element>() = {child.frames[Child::code].number, 512, 0, 2048};
    write_output(RINGFOLD_HYPERCALL_DOMAIN_COPY, id, RINGFOLD_DOMAIN_COPY_OUT, 0UL, 1UL);
}

void use_events() {
    *call_buffer<uint32_t>() = 1;
    write_output(RINGFOLD_HYPERCALL_EVENT_BIND_IPI, 0UL);
    write_output(RINGFOLD_HYPERCALL_EVENT_STATUS_READ, 1UL, 8UL);
    *call_buffer<uint32_t>() = 1;
    write_output(RINGFOLD_HYPERCALL_EVENT_POLL, 0UL, 1UL, 1UL);
}

void use_memory() {
    const uint64_t frame = machine_frame_at(call_buffer_bytes()).number;
    write_output(RINGFOLD_HYPERCALL_DEBUG_FRAME, frame, 8UL);
    write_output(RINGFOLD_HYPERCALL_MEMORY_POPULATE, 0UL, 0UL, 0UL);
    write_output(RINGFOLD_HYPERCALL_GRANT_DESCRIBE, 8UL);
    for (const uint64_t number : {RINGFOLD_HYPERCALL_GRANT_MAP, RINGFOLD_HYPERCALL_GRANT_UNMAP,
                                  RINGFOLD_HYPERCALL_GRANT_COPY, RINGFOLD_HYPERCALL_GRANT_TRANSFER}) {
        write_output(number, 8UL, 2UL);  // each element has its own status, which is an error here
    }
}

void use_the_rest() {
    write_output(RINGFOLD_HYPERCALL_VERSION, 2UL);
    write_output(RINGFOLD_HYPERCALL_COUNTERS_READ, 8UL);
    write_output(RINGFOLD_HYPERCALL_CPU_COUNTERS_READ, 0UL, 8UL);
    write_output(RINGFOLD_HYPERCALL_DEBUG_HISTOGRAM, 0UL, 200UL, 8UL);
    write_output(RINGFOLD_HYPERCALL_LOG_READ, 0UL, 8UL, 1000UL);
    write_output(RINGFOLD_HYPERCALL_VCPU_STATE, 1UL);
    write_output(RINGFOLD_HYPERCALL_DEBUG_REGISTER_GET, 7UL);
    write_output(RINGFOLD_HYPERCALL_TRACE_STATUS_READ, 8UL);
    *call_buffer<ringfold_multicall_element>() = {RINGFOLD_HYPERCALL_COUNTERS_READ, {1024}, 0, 0};
    write_output(RINGFOLD_HYPERCALL_MULTICALL, 0UL, 1UL);
}

// Neither returns; the next three would wait for ever with such arguments.
bool can_be_issued_blindly(uint64_t number) {
    return number != RINGFOLD_HYPERCALL_SHUTDOWN && number != RINGFOLD_HYPERCALL_VCPU_STOP &&
           number != RINGFOLD_HYPERCALL_EVENT_POLL && number != RINGFOLD_HYPERCALL_BLOCK &&
           number != RINGFOLD_HYPERCALL_BLOCK_UNTIL;
}

// At offset 0 always stand good entry points: registering others would be the last hypercall.
void issue_everything(uint64_t argument) {
    for (uint64_t number = 0; number < RINGFOLD_HYPERCALL_COUNT; ++number) {
        if (can_be_issued_blindly(number)) {
            clear();
            *call_buffer<ringfold_vcpu_entries>() = default_entries();
            issue(number, argument, argument, argument, argument, argument);
        }
    }
}

}  // namespace

void guest_main() {
    if (!is_debug_hypervisor()) {
        skip("release builds poison nothing");
    }
    const Child child = run_child(child_spins);
    clear();
    describe_domains(child);
    use_events();
    use_memory();
    use_the_rest();
    issue_everything(0);
    issue_everything(~0ULL);
    clear();
    hypercall(RINGFOLD_HYPERCALL_TIMER_SET, 1);
    issue(RINGFOLD_HYPERCALL_BLOCK);
    issue(RINGFOLD_HYPERCALL_BLOCK_UNTIL, 1);
    for (uint64_t number = 0; number < RINGFOLD_HYPERCALL_COUNT; ++number) {
        const bool ends = number == RINGFOLD_HYPERCALL_SHUTDOWN || number == RINGFOLD_HYPERCALL_VCPU_STOP;
        check(issued[number] != ends, "%s was not issued", names[number]);
    }
    check_status(destroy_domain(child.id), 0, "destroying the child");
}
