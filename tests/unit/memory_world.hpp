// SPDX-License-Identifier: Apache-2.0
//
// A small machine for tests of memory typing: four extents of RAM, two domains, and short ways to say what happens.
//
//   extent 0   the hypervisor's
//   extent 1   all of domain A
//   extent 2   all of domain A
//   extent 3   its first half domain A's, the rest but the last 16 frames domain B's; those 16 are free
//   above      no RAM; frames device_first .. + 15 are a device that A may map
#pragma once

#include "hypervisor/mm/assignment.hpp"
#include "hypervisor/mm/audit.hpp"
#include "hypervisor/mm/extent.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/mm/page_table_batch.hpp"
#include "hypervisor/mm/translation_model.hpp"
#include "tests/unit/fake_machine_memory.hpp"
#include "tests/unit/simulated_machine.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace ringfold::test {

inline constexpr uint64_t present = RINGFOLD_ENTRY_PRESENT;
inline constexpr uint64_t writable = RINGFOLD_ENTRY_WRITABLE;
inline constexpr uint64_t user = RINGFOLD_ENTRY_USER;
inline constexpr uint64_t big = RINGFOLD_ENTRY_BIG;

class MemoryWorld {
  public:
    static constexpr uint64_t extent_count = 4;
    static constexpr FrameCount ram{extent_count * frames_per_extent};
    static constexpr MachineFrame hypervisor_frame{100};
    static constexpr MachineFrame a_first{frames_per_extent};
    static constexpr MachineFrame a_whole{2 * frames_per_extent};
    static constexpr MachineFrame a_mixed{3 * frames_per_extent};
    static constexpr MachineFrame b_first{3 * frames_per_extent + 256};
    static constexpr MachineFrame free_first{4 * frames_per_extent - 16};
    static constexpr MachineFrame device_first{0xfd000};

    explicit MemoryWorld(unsigned cpus = 2)
        : memory_(ram),
          frames_(ram.raw()),
          extents_(extent_count),
          model_records_(ram.raw()),
          machine(cpus),
          a_(std::make_unique<DomainMemory>(DomainId{1}, ram)),
          b_(std::make_unique<DomainMemory>(DomainId{2}, ram)) {
        frame_table::initialise(frames_, extents_);
        translation_model::initialise(model_records_);
        frame_table::declare(a_first, FrameCount{3 * frames_per_extent}, no_domain);
        EXPECT_TRUE(assign_frames(a(), a_first, FrameCount{2 * frames_per_extent + 256}).ok());
        EXPECT_TRUE(assign_frames(b(), b_first, FrameCount{256 - 16}).ok());
        EXPECT_TRUE(a().allow_devices(device_first, FrameCount{16}).ok());
    }

    [[nodiscard]] DomainMemory &a() { return *a_; }
    [[nodiscard]] DomainMemory &b() { return *b_; }

    static FrameState state(MachineFrame frame) { return frame_table::at(frame).state(); }
    static ExtentState extent(MachineFrame frame) { return frame_table::extent_of(frame).state(); }
    static uint64_t *words(MachineFrame frame) { return pointer_to<uint64_t>(frame); }
    static MachineAddress entry_address(MachineFrame table, unsigned index) {
        return MachineAddress{address_of(table).raw() + 8 * uint64_t{index}};
    }
    static uint64_t entry(MachineFrame frame, uint64_t flags) { return Entry{frame, flags}.raw(); }

    // One operation by `domain`, issued again while it is preempted.
    Result<void> apply(DomainMemory &domain, ringfold_page_table_operation operation) {
        for (;;) {
            BatchResult result = apply_page_table_batch(domain, {&operation, 1}, actions());
            if (result.result.ok() || result.result.error() != Error::again) {
                EXPECT_EQ(result.done, result.result.ok() ? 1U : 0U);
                return result.result.ok() ? Result<void>{} : result.result.error();
            }
            ++preemptions;
        }
    }
    Result<void> set(DomainMemory &domain, MachineFrame table, unsigned index, uint64_t value) {
        return apply(
            domain,
            {.operation = RINGFOLD_PAGE_TABLE_SET, .address = entry_address(table, index).raw(), .value = value});
    }
    Result<void> set_keep(DomainMemory &domain, MachineFrame table, unsigned index, uint64_t value) {
        return apply(domain, {.operation = RINGFOLD_PAGE_TABLE_SET_KEEP_ACCESSED_DIRTY,
                              .address = entry_address(table, index).raw(),
                              .value = value});
    }
    // The entry that was there.
    Result<uint64_t> exchange(DomainMemory &domain, MachineFrame table, unsigned index, uint64_t value) {
        ringfold_page_table_operation operation{
            .operation = RINGFOLD_PAGE_TABLE_EXCHANGE, .address = entry_address(table, index).raw(), .value = value};
        const BatchResult result = apply_page_table_batch(domain, {&operation, 1}, actions());
        return result.result.ok() ? Result<uint64_t>{operation.mask} : result.result.error();
    }
    Result<void> run(DomainMemory &domain, MachineFrame table, unsigned index, uint32_t count, uint64_t value,
                     uint64_t mask) {
        return apply(domain, {.operation = RINGFOLD_PAGE_TABLE_FLAGS_RUN,
                              .count = count,
                              .address = entry_address(table, index).raw(),
                              .value = value,
                              .mask = mask});
    }
    Result<void> pin(DomainMemory &domain, MachineFrame frame, uint32_t level) {
        return apply(domain, {.operation = RINGFOLD_PAGE_TABLE_PIN, .count = level, .address = frame.raw()});
    }
    Result<void> unpin(DomainMemory &domain, MachineFrame frame) {
        return apply(domain, {.operation = RINGFOLD_PAGE_TABLE_UNPIN, .address = frame.raw()});
    }
    Result<void> load(DomainMemory &domain, MachineFrame frame, uint64_t how = RINGFOLD_ROOT_FLUSH) {
        return apply(domain, {.operation = RINGFOLD_PAGE_TABLE_LOAD_ROOT, .address = frame.raw(), .value = how});
    }

    VcpuActions actions() {
        return {.context = this,
                .load_root =
                    [](void *context, TypeReference loaded, RootCaching caching) {
                        auto *world = static_cast<MemoryWorld *>(context);
                        world->on_load_root(loaded.frame());
                        world->root = std::move(loaded);
                        world->last_caching = caching;
                    },
                .flush =
                    [](void *context, const FlushRequest &request) {
                        static_cast<MemoryWorld *>(context)->guest_flushes.push_back(request);
                    }};
    }

    // Recounts everything; `held` are the holders beside `root`.
    uint64_t audit_findings() {
        return audit({.context = this,
                      .visit_holders =
                          [](void *context, AuditCounts &counts) {
                              auto *world = static_cast<MemoryWorld *>(context);
                              if (world->root) {
                                  audit_holder(counts, world->root.frame(), world->root.type());
                              }
                              for (const TypeReference &reference : world->held) {
                                  audit_holder(counts, reference.frame(), reference.type());
                              }
                          },
                      .report =
                          [](void *, const AuditFinding &finding) {
                              std::printf("audit: frame %llu: %s is %llu, should be %llu\n",
                                          static_cast<unsigned long long>(finding.frame.raw()), finding.what,
                                          static_cast<unsigned long long>(finding.actual),
                                          static_cast<unsigned long long>(finding.expected));
                          }});
    }

    ~MemoryWorld() { translation_model::initialise({}); }
    MemoryWorld(const MemoryWorld &) = delete;
    MemoryWorld &operator=(const MemoryWorld &) = delete;

  private:
    FakeMachineMemory memory_;
    std::vector<FrameInfo> frames_;
    std::vector<Extent> extents_;
    std::vector<translation_model::FrameRecord> model_records_;

  public:
    SimulatedMachine machine;
    std::function<void(MachineFrame)> on_load_root = [](MachineFrame) {};
    uint64_t preemptions = 0;
    std::vector<FlushRequest> guest_flushes;
    RootCaching last_caching = RootCaching::keep;

  private:
    std::unique_ptr<DomainMemory> a_;
    std::unique_ptr<DomainMemory> b_;

  public:
    // References go before the domains that they are of.
    TypeReference root;
    std::vector<TypeReference> held;
};

}  // namespace ringfold::test
