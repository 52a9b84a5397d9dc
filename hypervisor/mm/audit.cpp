// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/audit.hpp"

#include "hypervisor/mm/audit_counts.hpp"
#include "hypervisor/mm/entry.hpp"
#include "hypervisor/mm/extent.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/machine_memory.hpp"

namespace ringfold {

namespace {

// One audit runs at a time: its caller has stopped every other CPU.
constinit AuditCounts window_counts;

constexpr FrameType table_below(FrameType table) { return static_cast<FrameType>(static_cast<uint8_t>(table) - 1); }

void count_entry(AuditCounts &counts, FrameType table, DomainId owner, Entry entry) {
    if (!entry.present()) {
        return;
    }
    if (table == FrameType::l1) {
        if (frame_table::is_ram(entry.frame())) {
            counts.use_leaf(entry.frame(), entry.writable() ? FrameType::writable : FrameType::none, owner);
        }
    } else if (entry.has(RINGFOLD_ENTRY_BIG)) {
        counts.use_extent(entry.frame(), entry.writable(), owner);
    } else {
        counts.use(entry.frame(), table_below(table), owner);
    }
}

// What this frame's table, pin and parking use.
void count_table(AuditCounts &counts, MachineFrame frame, const FrameInfo &info) {
    const FrameState state = info.state();
    counts.page_table(frame);
    if (state.pinned()) {
        counts.use(frame, state.type(), info.owner());
    }
    if (info.parked() == FrameInfo::Parked::with_reference) {
        counts.use(frame, state.type(), info.owner());
    }
    const unsigned referenced = state.validated() ? table_entries : info.progress();
    auto *words = pointer_to<uint64_t>(frame);
    for (unsigned index = 0; index < referenced; ++index) {
        count_entry(counts, state.type(), info.owner(), LiveEntry{words + index}.read());
    }
}

class Comparison {
  public:
    explicit Comparison(const AuditCaller &caller) : caller_(caller) {}
    [[nodiscard]] uint64_t findings() const { return findings_; }

    void frame(MachineFrame frame, const FrameInfo &info, const AuditCounts::Frame &counted) {
        const FrameState state = info.state();
        const bool is_domains = info.owner().raw() < hypervisor_domain.raw();
        expect_equal(frame, "references", state.references(), counted.uses + (is_domains ? 1U : 0U));
        expect_equal(frame, "type count", state.type_count(), counted.typed);
        expect_equal(frame, "uses of conflicting types", counted.types_conflict ? 1 : 0, 0);
        expect_equal(frame, "uses by another domain", counted.foreign ? 1 : 0, 0);
        expect_equal(frame, "mappings by borrowers", counted.borrowed, 0);
        if (counted.typed != 0) {
            expect_equal(frame, "type", static_cast<uint64_t>(state.type()), static_cast<uint64_t>(counted.type));
        }
        expect_equal(frame, "flags", has_sound_flags(state) ? 1 : 0, 1);
    }

    void extent(MachineFrame first, const Extent &extent, const AuditCounts::Extent &counted) {
        const ExtentState state = extent.state();
        expect_equal(first, "big read-only mappings", state.big_read_only(), counted.read_only);
        expect_equal(first, "big writable mappings", state.big_writable(), counted.writable);
        expect_equal(first, "page tables in the extent", state.page_tables(), counted.page_tables);
        expect_equal(first, "big mappings of foreign frames", counted.foreign ? 1 : 0, 0);
        expect_equal(first, "page tables under big writable mappings",
                     counted.writable != 0 && counted.page_tables != 0 ? 1 : 0, 0);
        uint64_t owned = 0;
        for (uint64_t offset = 0; offset < frames_per_extent; ++offset) {
            const FrameInfo *info = frame_table::find(first + FrameCount{offset});
            owned += info != nullptr && info->owned_by(state.owner()) ? 1 : 0;
        }
        if (state.owned() > owned) {  // fewer is safe
            expect_equal(first, "frames of the extent's owner", state.owned(), owned);
        }
    }

  private:
    static bool has_sound_flags(FrameState state) {
        switch (state.type()) {
            case FrameType::none:
                return state.type_count() == 0 && !state.validated() && !state.partial() && !state.pinned();
            case FrameType::writable:
                return state.type_count() != 0 && !state.validated() && !state.partial() && !state.pinned();
            case FrameType::l1:
            case FrameType::l2:
            case FrameType::l3:
            case FrameType::l4:
                return state.validated() != state.partial() && (!state.validated() || state.type_count() != 0) &&
                       (!state.partial() || state.type_count() <= 1) && (!state.pinned() || state.validated());
        }
        return false;
    }

    void expect_equal(MachineFrame frame, const char *what, uint64_t actual, uint64_t expected) {
        if (actual != expected) {
            ++findings_;
            caller_.report(caller_.context, {.frame = frame, .what = what, .actual = actual, .expected = expected});
        }
    }

    const AuditCaller &caller_;
    uint64_t findings_ = 0;
};

// The frames from the first to the last page table. Large machines have many windows and few tables, close together: to
// look for them all over the machine for each window would take minutes.
struct TableRange {
    MachineFrame begin;
    MachineFrame end;
};

TableRange find_tables() {
    TableRange range{frame_table::end(), MachineFrame{0}};
    for (MachineFrame frame{0}; frame < frame_table::end(); ++frame) {
        if (frame_table::at(frame).state().is_table()) {
            range.begin = frame < range.begin ? frame : range.begin;
            range.end = frame + FrameCount{1};
        }
    }
    return range;
}

void count_window(const AuditCaller &caller, AuditCounts &counts, const TableRange &tables, MachineFrame first) {
    counts.start(first);
    caller.visit_holders(caller.context, counts);
    for (MachineFrame frame = tables.begin; frame < tables.end; ++frame) {
        const FrameInfo &info = frame_table::at(frame);
        if (info.state().is_table()) {
            count_table(counts, frame, info);
        }
    }
}

}  // namespace

uint64_t audit(const AuditCaller &caller) {
    Comparison comparison{caller};
    const TableRange tables = find_tables();
    for (MachineFrame first{0}; first < frame_table::end(); first += FrameCount{AuditCounts::window}) {
        count_window(caller, window_counts, tables, first);
        for (MachineFrame frame = first; frame < first + FrameCount{AuditCounts::window} && frame < frame_table::end();
             ++frame) {
            comparison.frame(frame, frame_table::at(frame), window_counts.frame(frame));
            if (frame_table::is_extent_aligned(frame)) {
                comparison.extent(frame, frame_table::extent_of(frame), window_counts.extent(frame));
            }
        }
    }
    return comparison.findings();
}

}  // namespace ringfold
