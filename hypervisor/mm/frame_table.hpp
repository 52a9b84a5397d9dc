// SPDX-License-Identifier: Apache-2.0
//
// The frame table: one FrameInfo for each 4 KiB machine frame, from machine address 0 to the end of RAM.
//
// Owner and references: a frame of `no_domain` has zero references and none can be taken. assign() gives it an owner
// and the owner's reference. The owner changes only while references are zero or being made one, and take…() looks at
// it before *and* after it took its reference, so a reference is never had on another domain's frame.
//
// The methods here keep one frame's accounting; that the frame's 2 MiB extent agrees, that stale translations are
// flushed, and what the entries of a table refer to is the business of typed_frame and validate.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/flush_clock.hpp"
#include "hypervisor/mm/frame_state.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <atomic>
#include <cstdint>
#include <span>

namespace ringfold {

class Extent;

class FrameInfo {
  public:
    [[nodiscard]] FrameState state() const { return FrameState{state_.load(std::memory_order_acquire)}; }
    [[nodiscard]] DomainId owner() const { return DomainId{owner_.load(std::memory_order_relaxed)}; }
    // Has `owner`, and is not free.
    [[nodiscard]] bool owned_by(DomainId owner) const;

    // --- who has the frame ---
    void declare(DomainId owner);  // at boot, before there are domains: free RAM, the hypervisor's or a device's
    // no_domain -> `owner`, with the owner's reference. already_exists: the frame is not free.
    Result<void> assign(DomainId owner);
    // `owner` -> no_domain. busy: there is any use beside being owned.
    Result<void> unassign(DomainId owner);

    // --- uses ---
    // bad_frame: not `owner`'s. limit_reached: the count is full.
    Result<void> take(DomainId owner);
    void drop();
    // The same and a count of the type; busy: the frame has another type. none becomes writable.
    Result<void> take_writable(DomainId owner);
    void drop_writable();
    // The same in one step, for a frame of the caller's that is in an ordinary use and has been no page table. False:
    // it is not, or changed meanwhile, and nothing was done.
    [[nodiscard]] bool try_take();
    [[nodiscard]] bool try_drop();
    [[nodiscard]] bool try_take_writable();
    [[nodiscard]] bool try_drop_writable();
    [[nodiscard]] bool try_make_writable();
    [[nodiscard]] bool try_make_read_only();
    // A reference that one already holds becomes writable, or stops being so.
    Result<void> make_writable();
    void make_read_only();

    // --- page tables (the owner's page-table lock is held) ---
    Result<void> begin_table(FrameType level);  // none -> partial, no entry referenced; busy: there is a type already
    Result<void> take_table(FrameType level);   // one more count of a validated table; busy: it is none of `level`
    // partial -> validated, and one count for the caller if none was kept, one more otherwise.
    Result<void> finish_validation();
    bool drop_table_unless_last();  // false: this is the last count, and nothing was changed
    void begin_undo();              // validated, last count -> partial, all entries referenced
    void finish_undo();             // partial, no entry referenced -> none; gives back the count if there is one
    void set_pinned(bool pinned);

    // Entries [0, progress) of a partial table are referenced; all of a validated one.
    [[nodiscard]] unsigned progress() const { return progress_; }
    void set_progress(unsigned entries) { progress_ = entries & 0x3ff; }
    // Somebody further up the stack works on the table's entries right now: whoever meets it again among the targets
    // (a table that refers to itself, or to one above it) must not touch it.
    [[nodiscard]] bool working() const { return working_ != 0; }
    void set_working(bool working) { working_ = working ? 1 : 0; }

    // --- stale translations ---
    // When a translation *to* this frame was last taken away.
    FlushStamp leaf_stamp;
    // When the frame was last a page table that a CPU might still walk.
    [[nodiscard]] FlushMoment table_stamp() const;
    void set_table_stamp(FlushMoment moment) { table_moment_.store(moment.raw(), std::memory_order_seq_cst); }
    // The contents of a validated L4 as a number that no other contents, of any frame, ever had. Root caches compare
    // it.
    [[nodiscard]] uint64_t generation() const { return table_moment_.load(std::memory_order_seq_cst); }
    void advance_generation();

    // --- DomainMemory's list of tables that wait to be undone ---
    enum class Parked : uint8_t { no, without_reference, with_reference };
    [[nodiscard]] Parked parked() const { return parked_; }
    [[nodiscard]] uint32_t parked_next() const { return parked_next_; }
    void set_parked(Parked parked, uint32_t next) {
        parked_ = parked;
        parked_next_ = next;
    }

    // For tests of overflow.
    void set_state(FrameState state) { state_.store(state.raw(), std::memory_order_release); }

  private:
    template <typename Change>
    Result<void> change(Change &&next);
    template <typename Next, typename Undo>
    Result<void> take_as(DomainId owner, Next &&next, Undo &&undo);
    [[nodiscard]] bool try_change(FrameState old, FrameState wanted);

    std::atomic<uint64_t> state_ = 0;
    // Validated L4: the generation. Anything else: the table stamp. They are never needed together: a live table's
    // stamp is set when it stops being live, and generations are not reused.
    std::atomic<uint64_t> table_moment_ = 0;
    std::atomic<uint16_t> owner_ = 0;
    unsigned progress_ : 13 = 0;
    unsigned working_ : 1 = 0;
    Parked parked_ : 2 = Parked::no;
    uint32_t parked_next_ = 0;
};
static_assert(sizeof(FrameInfo) == 32);

// `next` computes the new state from the old one, or an error. Acquire on success pairs with the release of whoever
// changed the frame before: what they wrote to it and about it is seen.
template <typename Change>
[[gnu::always_inline]] inline Result<void> FrameInfo::change(Change &&next) {
    uint64_t old = state_.load(std::memory_order_acquire);
    for (;;) {
        Result<FrameState> wanted = next(FrameState{old});
        if (!wanted.ok()) {
            return wanted.error();
        }
        // Success: nobody changed the word since `next` judged it. Failure: judge the newer one.
        if (state_.compare_exchange_weak(old, wanted.value().raw(), std::memory_order_acq_rel,
                                         std::memory_order_acquire)) {
            return {};
        }
    }
}

inline void FrameInfo::drop() {
    const auto dropped = change([](FrameState old) -> Result<FrameState> {
        invariant(old.references() > 1 + old.type_count(), "an untyped reference is left to drop");
        return old.drop_reference();
    });
    static_cast<void>(dropped.ok());
}

inline void FrameInfo::make_read_only() {
    const auto changed = change([](FrameState old) -> Result<FrameState> {
        invariant(old.type() == FrameType::writable && old.type_count() > 0, "a writable use is left to drop");
        return old.drop_writable();
    });
    static_cast<void>(changed.ok());
}

inline void FrameInfo::drop_writable() {
    const auto dropped = change([](FrameState old) -> Result<FrameState> {
        invariant(old.type() == FrameType::writable && old.type_count() > 0, "a writable use is left to drop");
        invariant(old.references() > old.type_count(), "the owner's reference stays");
        return old.drop_writable().drop_reference();
    });
    static_cast<void>(dropped.ok());
}

// The same as change(), with one attempt.
inline bool FrameInfo::try_change(FrameState old, FrameState wanted) {
    uint64_t expected = old.raw();
    return state_.compare_exchange_strong(expected, wanted.raw(), std::memory_order_acq_rel, std::memory_order_acquire);
}

inline bool FrameInfo::try_take() {
    const FrameState old = state();
    return old.references() != 0 && old.references() != FrameState::reference_limit &&
           try_change(old, old.add_reference());
}

inline bool FrameInfo::try_make_writable() {
    const FrameState old = state();
    return old.references() != 0 && old.type_count() != FrameState::type_limit && !old.is_table() &&
           table_moment_.load(std::memory_order_seq_cst) == 0 && try_change(old, old.add_writable());
}

inline bool FrameInfo::try_take_writable() {
    const FrameState old = state();
    const bool fits = old.references() != FrameState::reference_limit && old.type_count() != FrameState::type_limit;
    return old.references() != 0 && fits && !old.is_table() && table_moment_.load(std::memory_order_seq_cst) == 0 &&
           try_change(old, old.add_reference().add_writable());
}

namespace frame_table {

// At boot, or at the start of a test. The storage is zeroed; every frame is the hypervisor's until declared otherwise.
void initialise(std::span<FrameInfo> frames, std::span<Extent> extents);
void declare(MachineFrame first, FrameCount count, DomainId owner);

// At boot: a device's frame that is the hypervisor's, and mapped by no domain. limit_reached: there are too many.
[[nodiscard]] Result<void> keep_device(MachineFrame frame);
[[nodiscard]] bool is_kept_device(MachineFrame frame);

namespace detail {
inline constinit std::span<FrameInfo> frames;
}

// The first frame past the table.
[[nodiscard]] inline MachineFrame end() { return MachineFrame{detail::frames.size()}; }
// nullptr: not in the table
[[nodiscard]] inline FrameInfo *find(MachineFrame frame) {
    return frame < end() ? &detail::frames[frame.raw()] : nullptr;
}
[[nodiscard]] FrameInfo *find_ram(MachineFrame frame);  // nullptr: not in the table, or a device's
[[nodiscard]] FrameInfo &at(MachineFrame frame);        // must be in the table
[[nodiscard]] Extent &extent_of(MachineFrame frame);    // must be in the table
[[nodiscard]] bool is_ram(MachineFrame frame);          // in the table and no device
[[nodiscard]] constexpr bool is_extent_aligned(MachineFrame frame) { return frame.raw() % frames_per_extent == 0; }
[[nodiscard]] constexpr MachineFrame extent_base(MachineFrame frame) {
    return MachineFrame{align_down(frame.raw(), frames_per_extent)};
}

}  // namespace frame_table
}  // namespace ringfold
