// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/backtrace.hpp"

#include "hypervisor/boot/image_layout.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/lib/symbol_table.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <span>

extern "C" {
// The table that the build makes.
extern const uint64_t symbol_count;
extern const uint64_t symbol_addresses[];
extern const uint32_t symbol_name_offsets[];
extern const char symbol_names[];
}

namespace ringfold {

namespace {

void log_address(LogLevel level, uint64_t address) {
    const SymbolTable table{{symbol_addresses, symbol_count}, {symbol_name_offsets, symbol_count}, symbol_names};
    if (const auto symbol = table.find(address)) {
        log_at(level, "  {:#018x} {} + {:#x}", address, symbol->name, symbol->offset);
    } else {
        log_at(level, "  {:#018x}", address);
    }
}

}  // namespace

bool on_hypervisor_stack(uint64_t address) {
    constexpr uint64_t pair = 2 * sizeof(uint64_t);
    const auto holds = [address](const virtual_map::Region &stack) {
        return stack.contains(address) && stack.contains(address + pair - 1);
    };
    if (holds(boot_stack())) {
        return true;
    }
    if (!per_cpu_ready()) {
        return false;  // this_cpu is not mapped yet
    }
    for (const virtual_map::Region &stack : virtual_map::stacks) {
        if (holds(stack)) {
            return true;
        }
    }
    return false;
}

Backtrace collect_backtrace(uint64_t instruction_pointer, uint64_t frame_pointer) {
    Backtrace trace;
    trace.addresses[trace.depth++] = instruction_pointer;
    while (trace.depth < trace.addresses.size() && frame_pointer % 8 == 0 && on_hypervisor_stack(frame_pointer)) {
        const auto *frame = reinterpret_cast<const uint64_t *>(frame_pointer);
        if (frame[1] == 0) {
            break;
        }
        trace.addresses[trace.depth++] = frame[1];
        if (frame[0] <= frame_pointer) {  // callers lie above; anything else could go round in circles
            break;
        }
        frame_pointer = frame[0];
    }
    return trace;
}

void log_backtrace(LogLevel level, const Backtrace &trace) {
    for (const uint64_t address : std::span{trace.addresses}.first(trace.depth)) {
        log_address(level, address);
    }
}

void log_registers(LogLevel level, const EntryFrame &frame) {
    log_at(level, "rip {:04x}:{:016x} rflags {:016x}", frame.cs, frame.rip, frame.rflags);
    log_at(level, "rsp {:04x}:{:016x} rbp {:016x}", frame.ss, frame.rsp, frame.rbp);
    log_at(level, "rax {:016x} rbx {:016x} rcx {:016x} rdx {:016x}", frame.rax, frame.rbx, frame.rcx, frame.rdx);
    log_at(level, "rsi {:016x} rdi {:016x} r8  {:016x} r9  {:016x}", frame.rsi, frame.rdi, frame.r8, frame.r9);
    log_at(level, "r10 {:016x} r11 {:016x} r12 {:016x} r13 {:016x}", frame.r10, frame.r11, frame.r12, frame.r13);
    log_at(level, "r14 {:016x} r15 {:016x} vector {:#x} error {:#x}", frame.r14, frame.r15, frame.vector, frame.error);
}

}  // namespace ringfold
