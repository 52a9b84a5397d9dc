// SPDX-License-Identifier: Apache-2.0
//
// Ring-3 programs. Their code and data stand in sections of their own, which are mapped a second time, for ring 3, in
// the lower half (user_base on), with a stack of their own. They end in whatever enters the kernel.
#pragma once

#include "framework/entries.hpp"

#include <cstdint>

// A ring-3 program is a naked function (assembly only).
#define USER_PROGRAM extern "C" [[gnu::naked, gnu::used, gnu::section(".user_text")]]
#define USER_DATA [[gnu::used, gnu::section(".user_data")]]

namespace guest {

inline constexpr uint64_t user_base = 0x0000'0000'0040'0000;
inline constexpr uint64_t user_stack_top = 0x0000'0000'0080'0000;
inline constexpr uint64_t user_flags = flag_reserved | flag_interrupt;

// Maps the user sections and the stack into the current root.
void set_up_user();

// Where ring 3 has an object of the user sections.
uint64_t user_address(const volatile void *object);
template <typename Function>
uint64_t user_address(Function *program) {
    return user_address(reinterpret_cast<const volatile void *>(program));
}

// A frame that starts a program with RDI = argument and an empty stack.
template <typename Function>
Frame user_frame(Function *program, uint64_t argument = 0) {
    Frame frame{};
    frame.rip = user_address(program);
    frame.cs = RINGFOLD_USER_CS;
    frame.rflags = user_flags;
    frame.rsp = user_stack_top;
    frame.ss = RINGFOLD_USER_DS;
    frame.rdi = argument;
    return frame;
}

// Goes to ring 3 and comes back with the first entry that is no upcall.
Entry run_user(const Frame &frame);
template <typename Function>
Entry run_user(Function *program, uint64_t argument = 0) {
    return run_user(user_frame(program, argument));
}

}  // namespace guest
