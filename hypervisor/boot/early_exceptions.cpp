// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/early_exceptions.hpp"

#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/panic.hpp"

#include <array>
#include <cstdint>

namespace {

constexpr unsigned exceptions = 32;
constexpr uint64_t boot_code_selector = 0x08;  // entry.asm

// An interrupt gate (SDM vol. 3A, figure 6-8): present, DPL 0, type 14.
struct Gate {
    uint64_t low = 0;
    uint64_t high = 0;
    constexpr Gate() = default;
    explicit Gate(uint64_t entry)
        : low((entry & 0xffff) | boot_code_selector << 16 | uint64_t{0x8e} << 40 | (entry >> 16 & 0xffff) << 48),
          high(entry >> 32) {}
};
static_assert(sizeof(Gate) == 16);

struct [[gnu::packed]] TableRegister {
    uint16_t limit;
    uint64_t base;
};

constinit std::array<Gate, exceptions> table{};

}  // namespace

extern "C" {

extern const uint64_t early_exception_stubs[exceptions];

[[noreturn]] void early_exception(const ringfold::EntryFrame *frame);
void early_exception(const ringfold::EntryFrame *frame) {
    ringfold::panic_with(*frame, "exception {} during boot", frame->vector);
}

}  // extern "C"

namespace ringfold {

void load_early_exceptions() {
    for (unsigned vector = 0; vector < exceptions; ++vector) {
        table[vector] = Gate{early_exception_stubs[vector]};
    }
    const TableRegister pointer{sizeof table - 1, reinterpret_cast<uint64_t>(table.data())};
    asm volatile("lidt %0" : : "m"(pointer));
}

}  // namespace ringfold
