// SPDX-License-Identifier: Apache-2.0
#include "framework/child.hpp"

#include "framework/call_buffer.hpp"
#include "framework/instructions.hpp"
#include "framework/memory.hpp"
#include "framework/page_table.hpp"
#include "framework/time.hpp"
#include "framework/verdict.hpp"

#include <algorithm>
#include <cstring>

#define SHUTDOWN "9"
#define BLOCK "8"
static_assert(RINGFOLD_HYPERCALL_SHUTDOWN == 9 && RINGFOLD_HYPERCALL_BLOCK == 8);

USER_PROGRAM void child_hypercall() {
    asm volatile("syscall\n\t.globl child_hypercall_return\nchild_hypercall_return:\n\tretq");
}

CHILD_PROGRAM void child_powers_off() {
    asm volatile("movl %edi, %esi\n\txorl %edi, %edi\n\tmovl $" SHUTDOWN ", %eax\n\tcall child_hypercall\n\tud2");
}

CHILD_PROGRAM void child_blocks_for_ever() {
    asm volatile("1:\tmovl $" BLOCK ", %eax\n\tcall child_hypercall\n\tjmp 1b");
}

CHILD_PROGRAM void child_spins() { asm volatile("1:\tpause\n\tjmp 1b"); }

static_assert(RINGFOLD_HYPERCALL_CALL_BUFFER_SET == 2 && RINGFOLD_HYPERCALL_CONSOLE_WRITE == 1 &&
              RINGFOLD_HYPERCALL_CONSOLE_READ == 56 && RINGFOLD_HYPERCALL_YIELD == 7 && guest::child_text_size == 12);
CHILD_PROGRAM void child_echoes_console() {
    asm volatile(R"(
	movq %rdi, %rsi
	xorl %edi, %edi
	movl $2, %eax
	call child_hypercall
	xorl %edi, %edi
	movl $12, %esi
	movl $1, %eax
	call child_hypercall
1:	movl $1024, %edi
	movl $512, %esi
	movl $56, %eax
	call child_hypercall
	testq %rdx, %rdx
	jnz 2f
	movl $7, %eax
	call child_hypercall
	jmp 1b
2:	movl $1040, %r12d
	movq %rdx, %r13
3:	movq %r12, %rdi
	movq %r13, %rsi
	movl $1, %eax
	call child_hypercall
	addq %rdx, %r12
	subq %rdx, %r13
	jnz 3b
	jmp 1b
)");
}

namespace guest {
namespace {

extern "C" const char user_start[];
extern "C" const char user_data_start[];
extern "C" const char child_hypercall_return[];

constexpr uint64_t patience = 10'000 * millisecond;
constexpr uint64_t code_offset = 512;  // in the call buffer, behind the elements
constexpr uint64_t code_part = 2048;   // so many bytes at once

// The element that is in the call buffer: with one, being preempted is not having begun.
void copy_one(uint32_t domain, uint32_t direction) {
    for (;;) {
        const ringfold_hypercall_result result = ringfold_domain_copy(domain, direction, 0, 1);
        if (result.status == 0) {
            return;
        }
        if (result.status != -RINGFOLD_EAGAIN) {
            fatal_failure("domain_copy: status %ld", result.status);
        }
    }
}

// At most code_part bytes.
void copy_to(const Child &child, Child::Page page, uint64_t offset, const uint8_t *bytes, uint64_t length) {
    auto *element = call_buffer<ringfold_domain_copy_element>();
    *element = {.frame = child.frames[page].number,
                .buffer_offset = code_offset,
                .frame_offset = static_cast<uint32_t>(offset),
                .length = static_cast<uint32_t>(length)};
    std::memcpy(call_buffer_bytes() + code_offset, bytes, length);
    copy_one(child.id, RINGFOLD_DOMAIN_COPY_IN);
}

void set_entry_of(const Child &child, Child::Page table, uint64_t index, uint64_t entry) {
    write_child(child, table, index * sizeof entry, &entry, sizeof entry);
}

}  // namespace

ringfold_domain_configuration configuration_of(const ChildOptions &options) {
    ringfold_domain_configuration configuration{};
    std::memcpy(configuration.name, options.name, std::strlen(options.name) + 1);
    configuration.maximum_frames = options.maximum_frames;
    configuration.rights = options.rights;
    configuration.vcpu_count = options.vcpu_count;
    configuration.first_cpu = options.first_cpu;
    return configuration;
}

Result create_domain(const ringfold_domain_configuration &configuration) {
    *call_buffer<ringfold_domain_configuration>() = configuration;
    return hypercall(RINGFOLD_HYPERCALL_DOMAIN_CREATE, 0);
}

Result populate_domain(uint32_t domain, uint64_t count, uint64_t order) {
    for (uint64_t index = 0; index < count; ++index) {
        call_buffer<uint64_t>()[index] = index << order;
    }
    uint64_t done = 0;
    for (;;) {
        const ringfold_hypercall_result result =
            ringfold_domain_populate(domain, done * sizeof(uint64_t), count - done, static_cast<uint32_t>(order));
        done += result.value;
        if (result.status != -RINGFOLD_EAGAIN) {
            return {result.status, done};
        }
    }
}

Result destroy_domain(uint32_t domain) {
    const uint64_t end = system_time() + patience;
    for (;;) {
        const Result result = hypercall(RINGFOLD_HYPERCALL_DOMAIN_DESTROY, domain);
        if (result.status != -RINGFOLD_EAGAIN || system_time() > end) {
            return result;
        }
        relax();
    }
}

Result read_domain_info(uint32_t domain, ringfold_domain_info &info) {
    const Result result = hypercall(RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE, domain, 0);
    if (result.ok()) {
        info = *call_buffer<ringfold_domain_info>();
    }
    return result;
}

Result pause_domain(uint32_t domain) {
    const uint64_t end = system_time() + patience;
    Result result = hypercall(RINGFOLD_HYPERCALL_DOMAIN_PAUSE, domain, 0);
    while (result.status == -RINGFOLD_EAGAIN && system_time() < end) {
        result = hypercall(RINGFOLD_HYPERCALL_DOMAIN_PAUSE, domain, result.value);
    }
    return result;
}

Result unpause_domain(uint32_t domain) { return hypercall(RINGFOLD_HYPERCALL_DOMAIN_UNPAUSE, domain); }

Child create_child(const ChildOptions &options) {
    Child child;
    const Result created = create_domain(configuration_of(options));
    if (!created.ok()) {
        fatal_failure("domain_create: status %ld", created.status);
    }
    child.id = static_cast<uint32_t>(created.value);
    const Result populated = populate_domain(child.id, Child::pages);
    if (!populated.ok()) {
        fatal_failure("domain_populate: status %ld after %lu frames", populated.status, populated.value);
    }
    for (unsigned page = 0; page < Child::pages; ++page) {
        child.frames[page] = {call_buffer<uint64_t>()[page]};
    }
    return child;
}

uint64_t child_address(const volatile void *program) {
    return child_base + (reinterpret_cast<uint64_t>(program) - reinterpret_cast<uint64_t>(user_start));
}

void write_child(const Child &child, Child::Page page, uint64_t offset, const void *bytes, uint64_t length) {
    const auto *next = static_cast<const uint8_t *>(bytes);
    for (uint64_t done = 0; done < length; done += code_part) {
        copy_to(child, page, offset + done, next + done, std::min(length - done, code_part));
    }
}

void fill_child(const Child &child) {
    const auto size = static_cast<uint64_t>(user_data_start - user_start);
    if (size != page_size) {
        error("the programs do not fit into one page");
    }
    write_child(child, Child::code, 0, user_start, size);
    set_entry_of(child, Child::l4, index_of(child_base, 4), entry_for(child.frames[Child::l3], table_flags));
    set_entry_of(child, Child::l3, index_of(child_base, 3), entry_for(child.frames[Child::l2], table_flags));
    set_entry_of(child, Child::l2, index_of(child_base, 2), entry_for(child.frames[Child::l1], table_flags));
    set_entry_of(child, Child::l1, 0, entry_for(child.frames[Child::code], kernel_code));
    set_entry_of(child, Child::l1, 1, entry_for(child.frames[Child::stack], kernel_data));
    set_entry_of(child, Child::l1, 2, entry_for(child.frames[Child::buffer], kernel_data));
}

ringfold_vcpu_context child_context(const Child &child, void (*program)(), uint64_t argument) {
    ringfold_vcpu_context context{};
    context.rip = child_address(reinterpret_cast<const volatile void *>(program));
    context.rsp = child_stack + page_size;
    context.root = child.frames[Child::l4].number;
    context.vcpu_page = child.frames[Child::vcpu_page].number;
    context.argument = argument;
    return context;
}

Result start_child(const Child &child, const ringfold_vcpu_context &context) {
    for (;;) {
        *call_buffer<ringfold_vcpu_context>() = context;
        const Result result =
            hypercall(RINGFOLD_HYPERCALL_DOMAIN_START, child.id, 0, child_address(child_hypercall_return));
        if (result.status != -RINGFOLD_EAGAIN) {
            return result;
        }
    }
}

Child run_child(void (*program)(), uint64_t argument, const ChildOptions &options) {
    const Child child = create_child(options);
    fill_child(child);
    const Result started = start_child(child, child_context(child, program, argument));
    if (!started.ok()) {
        fatal_failure("domain_start: status %ld", started.status);
    }
    return child;
}

uint64_t read_child_word(const Child &child, Child::Page page, uint64_t offset) {
    *call_buffer<ringfold_domain_copy_element>() = {.frame = child.frames[page].number,
                                                    .buffer_offset = code_offset,
                                                    .frame_offset = static_cast<uint32_t>(offset),
                                                    .length = sizeof(uint64_t)};
    copy_one(child.id, RINGFOLD_DOMAIN_COPY_OUT);
    return *call_buffer<uint64_t>(code_offset);
}

ringfold_domain_info await_domain_state(uint32_t domain, uint32_t state) {
    const uint64_t end = system_time() + patience;
    ringfold_domain_info info{};
    do {
        const Result result = read_domain_info(domain, info);
        if (!result.ok()) {
            fatal_failure("domain_info of d%u: status %ld", domain, result.status);
        }
        if (info.state == state) {
            return info;
        }
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    } while (system_time() < end);
    fatal_failure("d%u is in state %u and does not come to %u", domain, info.state, state);
}

}  // namespace guest
