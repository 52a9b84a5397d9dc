// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/smp.hpp"

#include "hypervisor/boot/early_exceptions.hpp"
#include "hypervisor/cpu/control_registers.hpp"
#include "hypervisor/cpu/hypervisor_space.hpp"
#include "hypervisor/cpu/ordering.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/cpu/tsc_offset.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/platform/local_apic.hpp"
#include "hypervisor/platform/machine.hpp"
#include "hypervisor/platform/time.hpp"

#include <atomic>
#include <cstddef>

namespace ringfold {

extern "C" {
extern const std::byte ap_trampoline[];
extern const std::byte ap_trampoline_end[];
extern const uint32_t boot_l4_address;
[[noreturn]] void ap_main();
}

namespace {

// What the trampoline needs; boot/ap_trampoline.asm knows the offsets.
struct TrampolineParameters {
    uint32_t offer;
    uint32_t reserved;
    uint64_t root;
    uint64_t stack;
    uint32_t boot_root;
};
static_assert(offsetof(TrampolineParameters, root) == 8 && offsetof(TrampolineParameters, stack) == 16 &&
              offsetof(TrampolineParameters, boot_root) == 24);

constexpr uint64_t parameters_offset = 0x800;
constexpr uint32_t offer_none = 0;
constexpr uint32_t offer_made = 1;

constexpr uint64_t millisecond = 1'000'000;
constexpr uint64_t microsecond = 1'000;

// One processor comes up at a time; these are between it and the boot processor.
constinit CpuMain main_of_cpus = nullptr;
constinit std::atomic<uint32_t> tsc_question{0};  // counts up; 0: not asked yet
constinit std::atomic<uint32_t> tsc_answer{0};
constinit uint64_t tsc_answered = 0;  // written before tsc_answer
constexpr uint32_t no_more_questions = ~0u;

void wait(uint64_t nanoseconds) {
    const uint64_t end = nanoseconds_since_boot() + nanoseconds;
    while (nanoseconds_since_boot() < end) {
        relax();
    }
}

template <typename Condition>
bool wait_for(uint64_t nanoseconds, Condition condition) {
    const uint64_t end = nanoseconds_since_boot() + nanoseconds;
    while (!condition()) {
        if (nanoseconds_since_boot() >= end) {
            return false;
        }
        relax();
    }
    return true;
}

// On the new processor: answers every question with the count at that moment.
void answer_tsc_questions() {
    uint32_t answered = 0;
    for (;;) {
        // Acquire and release pair with the asking side: the count is taken after the question and read after the
        // answer.
        const uint32_t question = tsc_question.load(std::memory_order_acquire);
        if (question == no_more_questions) {
            return;
        }
        if (question == answered) {
            relax();
            continue;
        }
        tsc_answered = read_tsc_in_order();
        tsc_answer.store(question, std::memory_order_release);
        answered = question;
    }
}

// On the boot processor. False if the other falls silent. Where processors are threads of a busy host, an exchange
// takes long and more of them help little: then a few must do.
bool measure_tsc_offset(TscOffset &offset) {
    constexpr uint32_t most_exchanges = 20;
    constexpr uint32_t fewest_exchanges = 3;
    const uint64_t begin = nanoseconds_since_boot();
    for (uint32_t question = 1; question <= most_exchanges; ++question) {
        if (question > fewest_exchanges && nanoseconds_since_boot() - begin > millisecond) {
            break;
        }
        TscExchange exchange;
        exchange.sent = read_tsc_in_order();
        tsc_question.store(question, std::memory_order_release);
        constexpr uint64_t patience = 1'000 * millisecond;
        if (!wait_for(patience, [question] { return tsc_answer.load(std::memory_order_acquire) == question; })) {
            return false;
        }
        exchange.received = read_tsc_in_order();
        exchange.remote = tsc_answered;
        offset.add(exchange);
    }
    tsc_question.store(no_more_questions, std::memory_order_release);
    return true;
}

bool synchronise_time(CpuId target) {
    TscOffset offset;
    if (!measure_tsc_offset(offset)) {
        return false;
    }
    if (!offset.in_step()) {
        log_warning(
            "cpu {}: its time-stamp counter is {} {} ticks (give or take {}); corrected for, but guests that read "
            "it raw will notice",
            target, offset.ahead() < 0 ? "behind by" : "ahead by",
            offset.ahead() < 0 ? -offset.ahead() : offset.ahead(), offset.uncertainty());
        set_tsc_offset(target, offset.ahead());
    }
    return true;
}

TrampolineParameters &parameters_in(MachineFrame trampoline) {
    return *reinterpret_cast<TrampolineParameters *>(pointer_to<std::byte>(trampoline) + parameters_offset);
}

bool is_offer_open(TrampolineParameters &parameters) {
    return std::atomic_ref{parameters.offer}.load(std::memory_order_acquire) == offer_made;
}

// The universal start-up algorithm (Intel SDM vol. 3, 8.4.4.1): INIT, 10 ms, startup IPI, 200 µs, startup IPI. The
// second one is for processors that missed the first.
void send_init_and_startup(uint32_t apic_id, MachineFrame trampoline, TrampolineParameters &parameters) {
    send_interrupt_command(init_command(), apic_id);
    if (local_apic_mode() == ApicMode::xapic) {
        send_interrupt_command(init_deassert_command(), apic_id);
    }
    wait(10 * millisecond);
    for (int attempt = 0; attempt < 2 && is_offer_open(parameters); ++attempt) {
        send_interrupt_command(startup_command(static_cast<uint8_t>(trampoline.raw())), apic_id);
        static_cast<void>(wait_for(200 * microsecond, [&parameters] { return !is_offer_open(parameters); }));
    }
}

// A processor that failed waits for a startup IPI again, wherever it was, and can touch nothing.
void park(uint32_t apic_id) { send_interrupt_command(init_command(), apic_id); }

// Takes the offer back. False if the processor was faster.
bool withdraw_offer(TrampolineParameters &parameters) {
    uint32_t expected = offer_made;
    // Failure: the processor took it (the trampoline's own compare-exchange) and runs on what it was given.
    return std::atomic_ref{parameters.offer}.compare_exchange_strong(expected, offer_none, std::memory_order_acq_rel);
}

Result<void> bring_up(CpuId target, MachineFrame trampoline) {
    const uint32_t apic_id = apic_id_of(target);
    if (local_apic_mode() == ApicMode::xapic && !reachable_by_xapic(apic_id)) {
        log_error("cpu {}: its APIC id {} cannot be reached without x2APIC; left out", target, apic_id);
        return Error::not_supported;
    }
    const CpuSpace space = TRY(create_cpu_space(target));
    tsc_question.store(0, std::memory_order_relaxed);
    tsc_answer.store(0, std::memory_order_relaxed);
    TrampolineParameters &parameters = parameters_in(trampoline);
    parameters.root = address_of(space.hypervisor_root).raw();
    parameters.stack = virtual_map::main_stack.end();
    parameters.boot_root = boot_l4_address;
    std::atomic_ref{parameters.offer}.store(offer_made, std::memory_order_release);

    send_init_and_startup(apic_id, trampoline, parameters);
    constexpr uint64_t patience = 1'000 * millisecond;
    const bool taken = wait_for(patience, [&parameters] { return !is_offer_open(parameters); });
    if (!taken && withdraw_offer(parameters)) {
        log_error("cpu {} (APIC id {}): does not answer; left out", target, apic_id);
        park(apic_id);
        return Error::device;
    }
    if (!synchronise_time(target)) {
        log_error("cpu {} (APIC id {}): stopped on its way up; left out", target, apic_id);
        park(apic_id);
        return Error::device;
    }
    if (!wait_for(patience, [target] { return online_cpus().contains(target); })) {
        log_error("cpu {} (APIC id {}): never came online; left out", target, apic_id);
        park(apic_id);
        return Error::device;
    }
    return {};
}

void fill_trampoline(MachineFrame trampoline) {
    clear_frame(trampoline);
    __builtin_memcpy(pointer_to(trampoline), ap_trampoline,
                     static_cast<std::size_t>(ap_trampoline_end - ap_trampoline));
}

}  // namespace

void ap_main() {
    load_early_exceptions();
    initialise_control_registers();
    answer_tsc_questions();
    initialise_local_apic(machine_description().madt);
    initialise_timer();
    set_online(this_cpu().id);
    main_of_cpus();
    halt_forever();
}

void bring_up_cpus(MachineFrame trampoline, CpuMain run) {
    main_of_cpus = run;
    fill_trampoline(trampoline);
    for (unsigned number = 1; number < cpu_count(); ++number) {
        const CpuId target{static_cast<uint16_t>(number)};
        const auto result = bring_up(target, trampoline);
        if (!result.ok() && result.error() == Error::out_of_memory) {
            log_error("cpu {} and those after it: no memory for their address spaces; left out", target);
            break;
        }
    }
    clear_frame(trampoline);
    log_info("{} of {} CPUs are up", online_cpus().size(), cpu_count());
}

}  // namespace ringfold
