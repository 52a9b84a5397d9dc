// SPDX-License-Identifier: Apache-2.0
//
// The memory of one domain: which frames it owns, which devices it may map, and the lock under which its page tables
// change. What is done with it: assignment.hpp (frames come and go), held_frames.hpp (the hypervisor uses a frame),
// page_table_batch.hpp (the guest changes its page tables), teardown.hpp (all of it goes).
#pragma once

#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/borrowed_frames.hpp"
#include "hypervisor/mm/frame_claim.hpp"
#include "hypervisor/mm/frame_table.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace ringfold {

class DomainMemory {
  public:
    constexpr DomainMemory(DomainId id, FrameCount maximum) : id_(id), maximum_(maximum.raw()) {}
    DomainMemory(const DomainMemory &) = delete;
    DomainMemory &operator=(const DomainMemory &) = delete;

    [[nodiscard]] DomainId id() const { return id_; }
    [[nodiscard]] FrameCount owned() const { return FrameCount{owned_.load(std::memory_order_relaxed)}; }
    [[nodiscard]] FrameCount maximum() const { return FrameCount{maximum_.load(std::memory_order_relaxed)}; }
    void set_maximum(FrameCount maximum) { maximum_.store(maximum.raw(), std::memory_order_relaxed); }

    // For good: the domain is being taken apart. A maximum that is 0 never changes again.
    void close() { maximum_.store(0, std::memory_order_seq_cst); }
    // `maximum` is not 0. busy: it is closed.
    [[nodiscard]] Result<void> change_maximum(FrameCount maximum) {
        uint64_t old = maximum_.load(std::memory_order_relaxed);
        // Success: it was open. Failure: somebody changed or closed it; retry unless it is closed.
        while (old != 0 && !maximum_.compare_exchange_weak(old, maximum.raw(), std::memory_order_seq_cst)) {
        }
        return old != 0 ? Result<void>{} : Result<void>{Error::busy};
    }

    // What of the machine's free memory it is to have.
    [[nodiscard]] FrameClaim &claim() { return claim_; }

    // A CPU calls this before it first walks a root of the domain. Sequentially consistent: whoever removed an entry
    // and then does not see the CPU here, was before it, and the CPU's walks see the entry gone.
    void note_cpu(CpuId cpu) { cpus_.fetch_or(CpuSet::of(cpu).raw(), std::memory_order_seq_cst); }
    // Those that may hold translations of the domain.
    [[nodiscard]] CpuSet cpus() const { return CpuSet{cpus_.load(std::memory_order_seq_cst)}; }

    // Lets the domain map all device memory but the hypervisor's own, with any caching.
    void allow_all_devices();
    // The same for some of it. Only before the domain first runs; out_of_range: the frames
    // are RAM; limit_reached: too many ranges.
    Result<void> allow_devices(MachineFrame first, FrameCount count);

  private:
    friend class LockedMemory;

    struct DeviceRange {
        MachineFrame first;
        FrameCount count;
    };
    static constexpr uint32_t no_parked_frame = UINT32_MAX;

    const DomainId id_;
    std::atomic<uint64_t> maximum_;
    std::atomic<uint64_t> owned_ = 0;
    std::atomic<uint64_t> cpus_ = 0;
    FrameClaim claim_;

    struct Guarded {
        uint64_t lowest_frame = UINT64_MAX;  // every owned frame lies between these two
        uint64_t highest_frame = 0;
        uint32_t first_parked = no_parked_frame;
        bool teardown_releases = false;
        uint64_t teardown_cursor = 0;
        void (*give_back)(MachineFrame frame) = nullptr;
        BorrowedFrames borrowed;
        std::array<DeviceRange, 32> devices{};
        unsigned device_count = 0;
        bool all_devices = false;
    };
    using Lock = Locked<Guarded, LockRank::page_tables>;
    Lock lock_;
};

// Holds a domain's page-table lock. What changes or trusts page tables takes one of these by reference.
class LockedMemory {
  public:
    explicit LockedMemory(DomainMemory &memory) : memory_(memory), guarded_(memory.lock_.lock()) {}
    LockedMemory(const LockedMemory &) = delete;
    LockedMemory &operator=(const LockedMemory &) = delete;

    [[nodiscard]] DomainId id() const { return memory_.id_; }
    [[nodiscard]] CpuSet cpus() const { return memory_.cpus(); }
    [[nodiscard]] bool may_map_device(MachineFrame frame) const;
    // bad_frame: not RAM of this domain.
    [[nodiscard]] Result<FrameInfo *> owned_frame(MachineFrame frame) const;

    Result<void> add_owned(MachineFrame first, FrameCount count);  // out_of_memory: above the maximum
    // In place of as many that were removed under this very hold of the lock: whatever the maximum is by now.
    void replace_owned(MachineFrame first, FrameCount count);
    void remove_owned(FrameCount count);

    // Tables whose undoing was preempted wait here; every operation on the domain's page tables finishes them first
    // (settle_parked()), so that none of them is ever in a guest's way.
    void park(MachineFrame frame, FrameInfo::Parked how);
    void unpark_first();
    [[nodiscard]] bool has_parked() const { return guarded_->first_parked != DomainMemory::no_parked_frame; }
    [[nodiscard]] MachineFrame first_parked() const { return MachineFrame{guarded_->first_parked}; }

    // Other domains' frames that this one may map.
    [[nodiscard]] BorrowedFrames &borrowed() const { return guarded_->borrowed; }

    // From its teardown on a domain lends nothing any more, and a frame that somebody else still holds goes to
    // `receiver` when the last one lets go.
    void retire(void (*receiver)(MachineFrame frame)) { guarded_->give_back = receiver; }
    [[nodiscard]] bool retired() const { return guarded_->give_back != nullptr; }
    void give_back(MachineFrame frame) { guarded_->give_back(frame); }

    // Where teardown stands: it passes over [first_owned, end_owned) twice.
    [[nodiscard]] MachineFrame first_owned() const { return MachineFrame{guarded_->lowest_frame}; }
    [[nodiscard]] MachineFrame end_owned() const { return MachineFrame{guarded_->highest_frame + 1}; }
    [[nodiscard]] uint64_t &teardown_cursor() { return guarded_->teardown_cursor; }
    [[nodiscard]] bool &teardown_releases() { return guarded_->teardown_releases; }

  private:
    DomainMemory &memory_;
    DomainMemory::Lock::Guard guarded_;
};

}  // namespace ringfold
