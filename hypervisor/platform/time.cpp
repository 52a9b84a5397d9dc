// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/time.hpp"

#include "hypervisor/cpu/ordering.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/platform/acpi.hpp"
#include "hypervisor/platform/calibration.hpp"
#include "hypervisor/platform/cpuid_frequency.hpp"
#include "hypervisor/platform/hpet.hpp"
#include "hypervisor/platform/local_apic.hpp"
#include "hypervisor/platform/pit.hpp"
#include "hypervisor/platform/pm_timer.hpp"
#include "hypervisor/platform/system_clock.hpp"
#include "hypervisor/platform/vectors.hpp"

#include <array>

namespace ringfold {
namespace {

constexpr uint32_t msr_tsc_deadline = 0x6e0;
constexpr uint32_t cpuid_1_ecx_tsc_deadline = 1u << 24;

constinit std::array<SystemClock, max_cpus> clocks{};
constinit bool in_step = true;         // written while CPUs come up, before there are domains
constinit uint64_t tsc_frequency = 0;  // Hz; 0: time has not begun
constinit ApicTimerMode timer_mode = ApicTimerMode::one_shot;
constinit FrequencyRatio tsc_to_apic_timer{};

struct TimeStampCounter {
    [[nodiscard]] static uint64_t read() { return read_tsc_in_order(); }
};

// The local APIC's timer, counting down from its largest value.
struct ApicTimerCounter {
    static constexpr uint32_t start = 0xffff'ffff;
    [[nodiscard]] static uint64_t read() { return start - apic_timer_count(); }
};

// The calibrated time-stamp counter as a reference for other clocks.
struct TscReference {
    [[nodiscard]] static uint64_t read() { return read_tsc_in_order(); }
    [[nodiscard]] static uint64_t mask() { return ~uint64_t{0}; }
    [[nodiscard]] static uint64_t nanoseconds(uint64_t ticks) {
        const TimeScale &scale = clocks[0].scale();
        return scale_ticks(ticks, scale.multiplier, scale.shift);
    }
};

struct Measurement {
    uint64_t frequency;
    const char *reference;
};

template <typename Reference>
Result<Measurement> measure_against(Reference reference, const char *name) {
    TimeStampCounter counter;
    auto frequency = Calibration{counter, reference}.frequency();
    if (!frequency.ok()) {
        log_warning("time: the {} does not work as a reference", name);
        return frequency.error();
    }
    return Measurement{frequency.value(), name};
}

// Best first: the HPET's resolution and access time beat the PM timer's, and both the PIT's.
Result<Measurement> measure_tsc(const AcpiDescription &acpi) {
    if (acpi.hpet) {
        auto hpet = Hpet::open(*acpi.hpet);
        if (hpet.ok()) {
            auto measured = measure_against(hpet.take(), "HPET");
            if (measured.ok()) {
                return measured;
            }
        }
    }
    if (acpi.fadt && acpi.fadt->pm_timer) {
        auto timer = PmTimerCounter::open(*acpi.fadt->pm_timer);
        if (timer.ok()) {
            auto measured = measure_against(timer.take(), "ACPI PM timer");
            if (measured.ok()) {
                return measured;
            }
        }
    }
    return measure_against(PitCounter{}, "PIT");
}

void compare_with_cpuid(uint64_t measured) {
    const uint32_t highest_leaf = cpuid(0).eax;
    if (highest_leaf < 0x15) {
        return;
    }
    const auto leaf = cpuid(0x15);
    const uint32_t base_mhz = highest_leaf >= 0x16 ? cpuid(0x16).eax : 0;
    const auto claimed =
        cpuid_tsc_frequency({.denominator = leaf.eax, .numerator = leaf.ebx, .crystal_hz = leaf.ecx}, base_mhz);
    if (claimed && frequencies_disagree(*claimed, measured)) {
        log_warning("time: CPUID claims a TSC of {} kHz; the measurement counts", *claimed / 1000);
    }
}

// Measures the APIC timer's frequency, where deadlines are not simply TSC counts.
Result<void> calibrate_apic_timer() {
    set_apic_timer_count(ApicTimerCounter::start);
    ApicTimerCounter counter;
    TscReference reference;
    const auto frequency = Calibration{counter, reference}.frequency();
    set_apic_timer_count(0);
    if (!frequency.ok()) {
        log_error("time: the local APIC's timer does not count");
        return frequency.error();
    }
    tsc_to_apic_timer = TRY(FrequencyRatio::between(tsc_frequency, frequency.value()));
    log_info("time: one-shot timers by the local APIC at {} kHz", frequency.value() / 1000);
    return {};
}

}  // namespace

Result<void> initialise_time(const AcpiDescription &acpi) {
    const Measurement measured = TRY(measure_tsc(acpi));
    compare_with_cpuid(measured.frequency);
    const SystemClock clock = TRY(SystemClock::starting(read_tsc_in_order(), 0, measured.frequency));
    for (SystemClock &each : clocks) {
        each = clock;
    }
    tsc_frequency = measured.frequency;
    log_info("time: TSC at {} kHz, measured against the {}{}", tsc_kilohertz(), measured.reference,
             this_cpu().features.invariant_tsc ? "" : "; it does not claim to be invariant");
    if ((cpuid(1).ecx & cpuid_1_ecx_tsc_deadline) != 0) {
        timer_mode = ApicTimerMode::tsc_deadline;
        log_info("time: one-shot timers by TSC deadline");
        return {};
    }
    return calibrate_apic_timer();
}

void initialise_timer() {
    configure_apic_timer(timer_mode, vector_timer);
    disarm_timer();
}

void set_tsc_offset(CpuId cpu, int64_t ahead) {
    clocks[cpu.raw()] = clocks[0].shifted(ahead);
    in_step = false;
}

bool tsc_in_step() { return in_step; }

uint64_t nanoseconds_since_boot() {
    return tsc_frequency == 0 ? 0 : clocks[this_cpu().id.raw()].nanoseconds_at(read_tsc_in_order());
}

uint64_t tsc_kilohertz() { return tsc_frequency / 1000; }

TimeScale time_scale() { return clocks[this_cpu().id.raw()].scale(); }

void arm_timer(uint64_t deadline_nanoseconds) {
    const uint64_t deadline = clocks[this_cpu().id.raw()].tsc_at(deadline_nanoseconds);
    if (timer_mode == ApicTimerMode::tsc_deadline) {
        write_msr(msr_tsc_deadline, deadline);  // one that is past fires at once; only 0 disarms
        return;
    }
    const uint64_t now = read_tsc_in_order();
    const uint64_t count = deadline > now ? tsc_to_apic_timer.apply(deadline - now) + 1 : 1;
    set_apic_timer_count(count < ApicTimerCounter::start ? static_cast<uint32_t>(count) : ApicTimerCounter::start);
}

void disarm_timer() {
    if (timer_mode == ApicTimerMode::tsc_deadline) {
        write_msr(msr_tsc_deadline, 0);
    } else {
        set_apic_timer_count(0);
    }
}

}  // namespace ringfold
