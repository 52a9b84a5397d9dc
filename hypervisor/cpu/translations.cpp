// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/translations.hpp"

#include "hypervisor/cpu/count.hpp"
#include "hypervisor/cpu/kick.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/lib/panic.hpp"
#include "hypervisor/mm/flush_clock.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/mm/translation_model.hpp"
#include "hypervisor/platform/time.hpp"

#include <algorithm>
#include <atomic>

namespace ringfold {

namespace {

// A drop of everything that is cached on this CPU: from before its first instruction until after its last.
class FullFlush {
  public:
    FullFlush() : begun_(flush_clock::begin_full_flush()) {
        if constexpr (is_modelled) {
            modelled_ = translation_model::flush_begins();
        }
    }
    ~FullFlush() {
        // The model first: whoever was spared a flush by the clock finds that the model knows.
        if constexpr (is_modelled) {
            translation_model::flushed(this_cpu().id, modelled_);
        }
        flush_clock::full_flush_done(this_cpu().id, begun_);
    }
    FullFlush(const FullFlush &) = delete;
    FullFlush &operator=(const FullFlush &) = delete;

  private:
    FlushMoment begun_;
    uint64_t modelled_ = 0;
};

// Everything of every PCID. Without PCIDs nothing of a guest survives the load of the hypervisor's root at the entry,
// so there is nothing left to drop while this CPU is here.
void flush_everything(GuestCpu &guest) {
    const FullFlush flush;
    if (this_cpu().features.process_context_ids) {
        // A change of CR4.PGE drops all translations of all PCIDs (Intel SDM vol. 3A, 4.10.4.1).
        constexpr uint64_t page_global_enable = uint64_t{1} << 7;
        const uint64_t cr4 = read_cr4();
        write_cr4(cr4 ^ page_global_enable);
        write_cr4(cr4);
        guest.roots.flush_all();
    }
}

// TCG says so in its hypervisor leaf (CPUID 40000000H: "TCGTCGTCGTCG").
bool is_emulated() {
    constexpr uint32_t hypervisor_present = uint32_t{1} << 31;
    constexpr uint32_t signature = 0x54474354;  // "TCGT"
    return (cpuid(1).ecx & hypervisor_present) != 0 && cpuid(0x4000'0000).ebx == signature;
}

void request_flush(CpuId target) {
    const uint64_t asked = is_modelled ? translation_model::flush_begins() : 0;
    cpu(target).guest.flush_requested.store(true, std::memory_order_seq_cst);
    if constexpr (is_modelled) {
        translation_model::flush_requested(target, asked);
    }
}

void flush(CpuSet targets) {
    const CpuId self = this_cpu().id;
    const CpuSet others = targets - CpuSet::of(self);
    others.for_each(request_flush);
    if (targets.contains(self)) {
        flush_everything(this_cpu().guest);
    }
    interrupt_and_wait(others);
}

}  // namespace

void serve_flush_request(GuestCpu &guest) {
    const bool asked = guest.flush_requested.exchange(false, std::memory_order_seq_cst);
    if (asked || !this_cpu().features.process_context_ids) {
        flush_everything(guest);
    }
}

void note_implicit_flush() { const FullFlush flush; }

bool detail::owes_flush() { return translation_model::owes_flush(this_cpu().id); }

void detail::walks(DomainId domain, bool owed_flush) {
    invariant(!owed_flush, "a CPU that owes a flush finds that it was asked");
    translation_model::walks(this_cpu().id, domain);
}

void detail::stops_walking() { translation_model::stops_walking(this_cpu().id); }

void flush_for_guest(CpuSet targets) {
    count_several(&Counts::guest_flushes, targets.size());
    flush(targets);
}

uint64_t visit_ticks() {
    // With QEMU's TCG an entry alone takes some 10 us.
    constexpr uint64_t on_a_processor = 20'000;
    constexpr uint64_t when_emulated = 500'000;
    // As many as 20 us have at 2 GHz. With fewer, on a slow processor, a validation and what undoes it could make way
    // for each other for ever.
    constexpr uint64_t least_ticks = 40'000;
    static constinit std::atomic<uint64_t> known = 0;  // CPUs that find it out at once find the same
    uint64_t ticks = known.load(std::memory_order_relaxed);
    if (ticks == 0) {
        ticks = std::max((is_emulated() ? when_emulated : on_a_processor) * tsc_kilohertz() / 1'000'000, least_ticks);
        known.store(ticks, std::memory_order_relaxed);
    }
    return ticks;
}

namespace machine {

// The clock of a visit starts with the first question, so that short visits need not read it.
bool preemption_due() {
    uint64_t &deadline = this_cpu().guest.visit_deadline;
    if (deadline == 0) {
        deadline = read_tsc() + visit_ticks();
        return false;
    }
    return read_tsc() >= deadline;
}

void flush_translations(CpuSet cpus) {
    count_several(&Counts::safety_flushes, cpus.size());
    flush(cpus);
}

// Only CPUs that run on this very frame need to look again; the others compare generations when they next select it.
void root_changed(MachineFrame l4) {
    CpuSet running;
    for_each_cpu([&running, l4](PerCpu &other) {
        if (&other != &cpu(this_cpu().id) && other.guest.running_root.load(std::memory_order_seq_cst) == l4.raw()) {
            running.add(other.id);
        }
    });
    interrupt_and_wait(running);
}

void invariant_broken(const char *why) { panic("broken invariant: {}", why); }

}  // namespace machine
}  // namespace ringfold
