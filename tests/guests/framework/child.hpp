// SPDX-License-Identifier: Apache-2.0
//
// Domains that a test makes out of nothing, with the calls of domain control. A child has eight frames and runs one
// program in ring 1: a CHILD_PROGRAM, assembly that is copied to child_base with all others and so may refer to nothing
// but itself and child_hypercall. It begins with
//
//     RDI        the test's argument
//     RSP        the end of its stack page
//
// has a page of its own mapped, writable, at child_buffer,
// and makes hypercalls with `call child_hypercall` (RAX the number; RCX and R11 are lost).
#pragma once

#include "framework/frame_numbers.hpp"
#include "framework/hypercall.hpp"
#include "framework/user.hpp"

#include <ringfold/domain.h>
#include <ringfold/vcpu.h>

#include <array>
#include <cstdint>

#define CHILD_PROGRAM USER_PROGRAM

namespace guest {

inline constexpr uint64_t child_base = 0xffff'9000'0000'0000;
inline constexpr uint64_t child_stack = child_base + page_size;
inline constexpr uint64_t child_buffer = child_base + 2 * page_size;

struct Child {
    enum Page : unsigned { l4, l3, l2, l1, code, stack, buffer, vcpu_page, pages };

    uint32_t id = 0;
    std::array<MachineFrame, pages> frames{};
};

inline constexpr uint64_t child_text_size = 12;

struct ChildOptions {
    const char *name = "child";
    uint64_t rights = 0;
    uint64_t maximum_frames = Child::pages;
    uint32_t vcpu_count = 1;
    uint32_t first_cpu = 0;
};

// Single steps, as the hypervisor answers them. Configuration and arguments are composed at call-buffer offset 0.
ringfold_domain_configuration configuration_of(const ChildOptions &options);
Result create_domain(const ringfold_domain_configuration &configuration);
Result populate_domain(uint32_t domain, uint64_t count, uint64_t order = 0);  // the frames are then in the call buffer
Result destroy_domain(uint32_t domain);                                       // issued again while it is preempted
Result read_domain_info(uint32_t domain, ringfold_domain_info &info);
Result pause_domain(uint32_t domain);  // issued again until all vCPUs have stopped
Result unpause_domain(uint32_t domain);

// All steps; a refusal ends the test.
Child create_child(const ChildOptions &options = {});  // with its frames, still empty
void fill_child(const Child &child);                   // programs and page tables
ringfold_vcpu_context child_context(const Child &child, void (*program)(), uint64_t argument = 0);
Result start_child(const Child &child, const ringfold_vcpu_context &context);
Child run_child(void (*program)(), uint64_t argument = 0, const ChildOptions &options = {});

// Copies bytes into one of the child's frames, which is no page table; a refusal ends the test.
void write_child(const Child &child, Child::Page page, uint64_t offset, const void *bytes, uint64_t length);
// The linear address at which a child has one of the programs.
uint64_t child_address(const volatile void *program);

// A word of one of its pages.
uint64_t read_child_word(const Child &child, Child::Page page, uint64_t offset);

// The state that the domain comes to; waits for `state`, and ends the test if it does not come.
ringfold_domain_info await_domain_state(uint32_t domain, uint32_t state);

}  // namespace guest

// The only instruction of a child that enters the hypervisor.
extern "C" void child_hypercall();

// Programs that many tests need. Argument: the exit code.
extern "C" void child_powers_off();
extern "C" void child_blocks_for_ever();
extern "C" void child_spins();
// Registers its buffer (argument: its machine frame), writes the child_text_size bytes at its start to its console,
// then whatever it reads there.
extern "C" void child_echoes_console();
