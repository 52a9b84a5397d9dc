// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/crash_test.hpp"

#include "hypervisor/boot/image_layout.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/lib/panic.hpp"

#include <cstdint>

namespace ringfold {

namespace {

constinit uint8_t return_instruction = 0xc3;  // RET, in a page of data

// The barriers keep the compiler from turning the recursion into a loop.
[[gnu::noinline]] void recurse(unsigned depth) {
    asm volatile("" : : "r"(&depth) : "memory");
    if (depth != ~0U) {
        recurse(depth + 1);
    }
    asm volatile("" : : "r"(&depth) : "memory");
}

[[gnu::noinline]] void crash(std::string_view how) {
    if (how == "panic") {
        panic("crash={} on the command line", how);
    } else if (how == "page_fault") {
        (void)*reinterpret_cast<volatile uint64_t *>(virtual_map::slot_base + virtual_map::slot_size - page_size);
    } else if (how == "write_text") {
        *reinterpret_cast<volatile uint8_t *>(image_layout().text_start) = 0;
    } else if (how == "run_data") {
        reinterpret_cast<void (*)()> (&return_instruction)();
    } else if (how == "stack") {
        recurse(0);
    } else {
        log_warning("crash= is one of panic, page_fault, write_text, run_data, stack");
    }
}

}  // namespace

void crash_if_asked(CommandLine options) {
    const auto how = options.value("crash");
    if (!how) {
        return;
    }
    if (RINGFOLD_DEBUG != 0) {
        crash(*how);
    } else {
        log_warning("crash= is for debug builds");
    }
}

}  // namespace ringfold
