// SPDX-License-Identifier: Apache-2.0
//
// A software model of tagged TLBs and paging-structure caches, for debug builds and unit tests: it asserts, whenever a
// frame changes its use or its owner, that no processor can still hold a translation, or an upper-level entry, that the
// new use would break. It is told what is mapped away, who walks and who flushed, and draws its own conclusions: it
// shares no clock, no stamp and no candidate set with the logic that it watches.
//
// It is conservative: a processor may hold everything that any root of a domain led to at any moment since the
// processor last dropped everything, if it walked a root of that domain since then, under whatever tag. Flushes of less
// than everything do not count.
//
// Without storage (release builds) and without processors that walk (nobody calls walks()) it says nothing.
#pragma once

#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/entry.hpp"

#include <atomic>
#include <cstdint>
#include <span>

namespace ringfold::translation_model {

// Moments of the model's own count of events; 0: never.
struct FrameRecord {
    std::atomic<uint64_t> leaf_removed = 0;           // the last translation of its owner's that was mapped away
    std::atomic<uint64_t> table_removed = 0;          // the frame last stopped being a table
    std::atomic<uint64_t> borrowed_leaf_removed = 0;  // the last translation of another domain's that was mapped away
};

// One zeroed record for each frame of the frame table; none: the model is off. Forgets everything.
void initialise(std::span<FrameRecord> records);

// --- what processors do ---
// Is the CPU to drop everything before it walks again? Asked before it looks at the requests: if so, it must find one.
[[nodiscard]] bool owes_flush(CpuId cpu);
// The CPU is about to walk a root of `domain`, and has looked at the requests.
void walks(CpuId cpu, DomainId domain);
// The CPU is in the hypervisor proper and walks no root of a guest until walks() is called again.
void stops_walking(CpuId cpu);
// The CPU drops everything: before the first and after the last instruction of the flush.
[[nodiscard]] uint64_t flush_begins();
void flushed(CpuId cpu, uint64_t begun);
// The CPU was told to drop everything, after the moment `asked` of flush_begins(). While it does not walk, that is as
// good as done.
void flush_requested(CpuId cpu, uint64_t asked);

// --- what the logic does ---
// Once the entry is gone, and *before* the flush clock is read for the stamp: a flush reads the two the other way
// round, so one that the clock takes for late enough is late enough here.
void leaf_removed(Level level, Entry entry);
void table_removed(MachineFrame frame);
// A mapping of another domain's frame went, and the moment at which one last did.
void borrowed_leaf_removed(MachineFrame frame);
[[nodiscard]] uint64_t borrowed_leaf_last_removed(MachineFrame frame);

// --- what must hold, else the hypervisor stops ---
// Before an entry that references were just taken for can be walked. `domain` owns what the entry leads to.
void check_entry_target(DomainId domain, Level level, Entry entry);
void check_becomes_writable(DomainId domain, MachineFrame frame);
void check_becomes_table(DomainId domain, MachineFrame frame);
void check_becomes_free(DomainId domain, MachineFrame frame);
// `borrower` loses a right, and was flushed for what was removed up to the moment `removed`.
void check_right_ends(DomainId borrower, uint64_t removed);

}  // namespace ringfold::translation_model
