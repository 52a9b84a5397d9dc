// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/translation_model.hpp"

#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <array>

namespace ringfold::translation_model {

namespace {

// What one processor may hold. Each is written by that processor, or on its behalf while it waits; read by all.
struct ProcessorRecord {
    static constexpr unsigned capacity = 16;

    std::atomic<uint64_t> last_flush = 0;
    std::atomic<bool> walking = false;
    std::atomic<uint64_t> flush_asked = 0;  // a flush is owed while none began after this
    // Domains of which it walked a root since its last flush. More than fit: the model knows nothing until the next
    // one.
    struct Walked {
        std::atomic<uint16_t> domain = 0;
        std::atomic<uint64_t> since = 0;  // nothing that was removed before this moment was walked
    };
    std::array<Walked, capacity> domains{};
    std::atomic<unsigned> domain_count = 0;

    [[nodiscard]] const Walked *walked(DomainId domain) const {
        const unsigned count = domain_count.load(std::memory_order_seq_cst);
        for (unsigned index = 0; index < count; ++index) {
            if (domains[index].domain.load(std::memory_order_relaxed) == domain.raw()) {
                return &domains[index];
            }
        }
        return nullptr;
    }
    [[nodiscard]] bool owes_flush() const {
        return last_flush.load(std::memory_order_seq_cst) < flush_asked.load(std::memory_order_seq_cst);
    }
    [[nodiscard]] bool may_hold(DomainId domain, uint64_t removed) const {
        const bool will_flush_first = !walking.load(std::memory_order_seq_cst) && owes_flush();
        const Walked *walk = walked(domain);
        return walk != nullptr && !will_flush_first && walk->since.load(std::memory_order_relaxed) <= removed &&
               last_flush.load(std::memory_order_seq_cst) <= removed;
    }
};

constinit std::atomic<uint64_t> events = 1;
constinit std::array<ProcessorRecord, cpu_set_capacity> processors{};
constinit std::span<FrameRecord> records;

[[nodiscard]] bool is_off() { return RINGFOLD_DEBUG == 0 || records.empty(); }
[[nodiscard]] bool covers(MachineFrame frame) { return frame.raw() < records.size(); }

[[nodiscard]] bool anybody_may_hold(DomainId domain, uint64_t removed) {
    if (removed == 0) {
        return false;
    }
    for (const ProcessorRecord &processor : processors) {
        if (processor.may_hold(domain, removed)) {
            return true;
        }
    }
    return false;
}

[[nodiscard]] uint64_t frames_of(Level level, Entry entry) { return entry.is_big_leaf(level) ? frames_per_extent : 1; }

}  // namespace

void initialise(std::span<FrameRecord> storage) {
    records = storage;
    for (ProcessorRecord &processor : processors) {
        processor.last_flush = 0;
        processor.walking = false;
        processor.flush_asked = 0;
        processor.domain_count = 0;
    }
}

bool owes_flush(CpuId cpu) { return processors[cpu.raw() % cpu_set_capacity].owes_flush(); }

void walks(CpuId cpu, DomainId domain) {
    ProcessorRecord &processor = processors[cpu.raw() % cpu_set_capacity];
    if (processor.walked(domain) == nullptr) {
        const unsigned count = processor.domain_count.load(std::memory_order_relaxed);
        if (count < ProcessorRecord::capacity) {
            processor.domains[count].domain.store(domain.raw(), std::memory_order_relaxed);
            processor.domains[count].since.store(events.fetch_add(1, std::memory_order_seq_cst) + 1,
                                                 std::memory_order_relaxed);
            processor.domain_count.store(count + 1, std::memory_order_seq_cst);
        }
    }
    processor.walking.store(true, std::memory_order_seq_cst);
}

void stops_walking(CpuId cpu) {
    processors[cpu.raw() % cpu_set_capacity].walking.store(false, std::memory_order_seq_cst);
}

uint64_t flush_begins() { return events.fetch_add(1, std::memory_order_seq_cst) + 1; }

void flushed(CpuId cpu, uint64_t begun) {
    ProcessorRecord &processor = processors[cpu.raw() % cpu_set_capacity];
    // What it walks at this moment it may cache again at once.
    if (!processor.walking.load(std::memory_order_seq_cst)) {
        processor.domain_count.store(0, std::memory_order_seq_cst);
    }
    processor.last_flush.store(begun, std::memory_order_seq_cst);
}

void flush_requested(CpuId cpu, uint64_t asked) {
    std::atomic<uint64_t> &latest = processors[cpu.raw() % cpu_set_capacity].flush_asked;
    uint64_t old = latest.load(std::memory_order_relaxed);
    // Success: the newest request is this one. Failure: another CPU asked too; retry unless it asked later.
    while (old < asked && !latest.compare_exchange_weak(old, asked, std::memory_order_seq_cst)) {
    }
}

void leaf_removed(Level level, Entry entry) {
    if (is_off()) {
        return;
    }
    const uint64_t now = events.load(std::memory_order_seq_cst);
    for (uint64_t offset = 0; offset < frames_of(level, entry); ++offset) {
        const MachineFrame frame = entry.frame() + FrameCount{offset};
        if (covers(frame)) {
            records[frame.raw()].leaf_removed.store(now, std::memory_order_seq_cst);
        }
    }
}

void table_removed(MachineFrame frame) {
    if (!is_off() && covers(frame)) {
        records[frame.raw()].table_removed.store(events.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
    }
}

void borrowed_leaf_removed(MachineFrame frame) {
    if (!is_off() && covers(frame)) {
        records[frame.raw()].borrowed_leaf_removed.store(events.load(std::memory_order_seq_cst),
                                                         std::memory_order_seq_cst);
    }
}

uint64_t borrowed_leaf_last_removed(MachineFrame frame) {
    return !is_off() && covers(frame) ? records[frame.raw()].borrowed_leaf_removed.load(std::memory_order_seq_cst) : 0;
}

void check_becomes_writable(DomainId domain, MachineFrame frame) {
    if (is_off() || !covers(frame)) {
        return;
    }
    invariant(!anybody_may_hold(domain, records[frame.raw()].table_removed.load(std::memory_order_seq_cst)),
              "no processor still walks as a table what becomes writable");
}

void check_entry_target(DomainId domain, Level level, Entry entry) {
    if (is_off() || !entry.present() || !entry.is_leaf(level) || !entry.writable()) {
        return;
    }
    for (uint64_t offset = 0; offset < frames_of(level, entry); ++offset) {
        check_becomes_writable(domain, entry.frame() + FrameCount{offset});
    }
}

void check_becomes_table(DomainId domain, MachineFrame frame) {
    if (is_off() || !covers(frame)) {
        return;
    }
    const FrameRecord &record = records[frame.raw()];
    invariant(!anybody_may_hold(domain, record.leaf_removed.load(std::memory_order_seq_cst)),
              "no processor can still write what becomes a table");
    invariant(!anybody_may_hold(domain, record.table_removed.load(std::memory_order_seq_cst)),
              "no processor still walks at another level what becomes a table");
}

void check_becomes_free(DomainId domain, MachineFrame frame) {
    check_becomes_table(domain, frame);  // no translation and no walk at all may be left
    if (!is_off() && covers(frame)) {
        // So what became of it here is nothing to the processors of its next owner.
        FrameRecord &record = records[frame.raw()];
        for (std::atomic<uint64_t> *moment :
             {&record.leaf_removed, &record.table_removed, &record.borrowed_leaf_removed}) {
            moment->store(0, std::memory_order_seq_cst);
        }
    }
}

void check_right_ends(DomainId borrower, uint64_t removed) {
    invariant(is_off() || !anybody_may_hold(borrower, removed), "no processor can still use a right that ends");
}

}  // namespace ringfold::translation_model
