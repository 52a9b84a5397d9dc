// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/nmi.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/cpu/state_report.hpp"
#include "hypervisor/gate/gate.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/lib/panic.hpp"

#include <array>
#include <atomic>

namespace ringfold {

namespace {

#if RINGFOLD_DEBUG
constinit std::array<std::atomic<uint32_t>, virtual_map::gate_text.size> histogram{};
#endif

void record(const EntryFrame &registers) {
#if RINGFOLD_DEBUG
    if (!registers.from_guest() && in_gate_text(registers.rip)) {
        histogram[registers.rip - virtual_map::gate_text.base].fetch_add(1, std::memory_order_relaxed);
    }
#else
    static_cast<void>(registers);
#endif
}

// Machine-check architecture: Intel SDM vol. 3B, 16.3.
constexpr uint32_t msr_global_capability = 0x179;
constexpr uint32_t msr_global_status = 0x17a;
constexpr uint32_t msr_bank0_status = 0x401;  // each bank has four registers: control, status, address, miscellaneous
constexpr uint64_t restart_valid = 1;
constexpr uint64_t bank_valid = uint64_t{1} << 63;
constexpr uint64_t bank_address_valid = uint64_t{1} << 58;
constexpr uint64_t bank_context_corrupt = uint64_t{1} << 57;

// Clears every bank with an error, and logs it if `may_log`. Is the interrupted context lost?
bool drain_banks(bool may_log) {
    bool corrupt = false;
    const auto banks = static_cast<uint32_t>(read_msr(msr_global_capability) & 0xff);
    for (uint32_t bank = 0; bank < banks; ++bank) {
        const uint32_t status_msr = msr_bank0_status + 4 * bank;
        const uint64_t status = read_msr(status_msr);
        if ((status & bank_valid) == 0) {
            continue;
        }
        const uint64_t address = (status & bank_address_valid) != 0 ? read_msr(status_msr + 1) : 0;
        if (may_log) {
            log_error("machine check: bank {} status {:#x} address {:#x}", bank, status, address);
        }
        corrupt = corrupt || (status & bank_context_corrupt) != 0;
        write_msr(status_msr, 0);
    }
    return corrupt;
}

}  // namespace

void handle_nmi(const EntryFrame &registers) {
    if (panic_in_progress()) {
        panic_stop(registers);
    }
    if (answer_state_request(registers)) {
        return;
    }
    ++this_cpu().guest.counts.nmis;
    record(registers);
}

void handle_machine_check(const EntryFrame &registers) {
    ++this_cpu().guest.counts.machine_checks;
    const bool restartable = (read_msr(msr_global_status) & restart_valid) != 0;
    // Guests and the gate hold no lock; the hypervisor proper may hold the log's.
    const bool corrupt = drain_banks(registers.from_guest() || in_gate_text(registers.rip));
    if (!restartable || corrupt) {
        panic_with(registers, "machine check: the interrupted context is lost");
    }
    write_msr(msr_global_status, 0);  // another one may come
}

uint32_t gate_text_size() { return static_cast<uint32_t>(gate_code_end - gate_text_start); }

Result<void> read_nmi_histogram([[maybe_unused]] uint32_t first, [[maybe_unused]] std::span<uint32_t> counts) {
#if RINGFOLD_DEBUG
    if (first > histogram.size() || counts.size() > histogram.size() - first) {
        return Error::out_of_range;
    }
    for (std::size_t index = 0; index < counts.size(); ++index) {
        counts[index] = histogram[first + index].load(std::memory_order_relaxed);
    }
    return {};
#else
    return Error::not_supported;
#endif
}

}  // namespace ringfold
