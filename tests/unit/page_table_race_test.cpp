// SPDX-License-Identifier: Apache-2.0
//
// Two vCPUs of one domain issue batches at the same time, on the same tables, preempted at random and given up half
// way. No outcome is foreseen; afterwards the audit must agree, and everything must come apart again.
#include "hypervisor/mm/teardown.hpp"
#include "hypervisor/mm/validate.hpp"
#include "tests/unit/memory_world.hpp"
#include "tests/unit/random_seed.hpp"

#include <atomic>
#include <thread>

namespace ringfold::test {
namespace {

constexpr uint64_t first = MemoryWorld::a_first.raw();
constexpr uint64_t frames = 16;  // tables and data alike

// One vCPU: its own random source and root.
class RacingVcpu {
  public:
    RacingVcpu(MemoryWorld &world, uint64_t seed) : world_(world), random_(seed) {}

    void run(uint64_t batches) {
        for (uint64_t batch = 0; batch < batches; ++batch) {
            std::array<ringfold_page_table_operation, 8> operations{};
            for (auto &operation : operations) {
                operation = random_operation();
            }
            std::span<ringfold_page_table_operation> left{operations};
            // Refused operations are passed over; a preempted one is sometimes never finished.
            while (!left.empty()) {
                const BatchResult result = apply_page_table_batch(world_.a(), left, actions());
                done += result.done;
                left = left.subspan(result.done);
                const bool preempted = !result.result.ok() && result.result.error() == Error::again;
                if (!left.empty() && (!preempted || random_() % 4 == 0)) {
                    left = left.subspan(1);
                }
            }
            other_uses();
        }
        root = TypeReference{};
        held.clear();
    }

    uint64_t done = 0;
    TypeReference root;
    std::vector<TypeReference> held;

  private:
    VcpuActions actions() {
        return {.context = this,
                .load_root = [](void *context, TypeReference loaded,
                                RootCaching) { static_cast<RacingVcpu *>(context)->root = std::move(loaded); },
                .flush = [](void *, const FlushRequest &) {}};
    }

    void other_uses() {
        const MachineFrame frame = any_frame();
        switch (random_() % 8) {
            case 0:
                if (auto taken = hold_writable(world_.a(), frame); taken.ok()) {
                    MemoryWorld::words(frame)[random_() % 4] = random_entry();
                    held.push_back(taken.take());
                }
                break;
            case 1:
                held.clear();
                break;
            case 2:
                if (release_frame(world_.a(), frame).ok()) {
                    EXPECT_TRUE(assign_frames(world_.a(), frame, FrameCount{1}).ok());
                }
                break;
            default:
                break;
        }
    }

    MachineFrame any_frame() { return MachineFrame{first + random_() % frames}; }
    uint64_t random_entry() {
        return random_() % 4 == 0 ? 0 : MemoryWorld::entry(any_frame(), present | (random_() % 2 != 0 ? writable : 0));
    }
    ringfold_page_table_operation random_operation() {
        const MachineFrame frame = any_frame();
        const auto index = static_cast<unsigned>(random_() % 4);
        switch (random_() % 10) {
            case 0:
                return {.operation = RINGFOLD_PAGE_TABLE_PIN,
                        .count = static_cast<uint32_t>(1 + random_() % 4),
                        .address = frame.raw()};
            case 1:
                return {.operation = RINGFOLD_PAGE_TABLE_UNPIN, .address = frame.raw()};
            case 2:
                return {.operation = RINGFOLD_PAGE_TABLE_LOAD_ROOT, .address = frame.raw()};
            case 3:
                return {.operation = RINGFOLD_PAGE_TABLE_FLAGS_RUN,
                        .count = 512 - index,
                        .address = MemoryWorld::entry_address(frame, index).raw(),
                        .value = random_(),
                        .mask = writable};
            case 4:
                if (random_() % 4 == 0) {
                    return {.operation = RINGFOLD_PAGE_TABLE_SET,
                            .address = MemoryWorld::entry_address(frame, index).raw(),
                            .value = MemoryWorld::entry(MachineFrame{first},
                                                        present | big | (random_() % 2 != 0 ? writable : 0))};
                }
                [[fallthrough]];
            default:
                return {.operation = std::array{RINGFOLD_PAGE_TABLE_SET, RINGFOLD_PAGE_TABLE_SET_KEEP_ACCESSED_DIRTY,
                                                RINGFOLD_PAGE_TABLE_EXCHANGE}[random_() % 3],
                        .address = MemoryWorld::entry_address(frame, index).raw(),
                        .value = random_entry()};
        }
    }

    MemoryWorld &world_;
    Random random_;
};

class RaceWorld : public MemoryWorld {
  public:
    explicit RaceWorld(uint64_t seed) : random_state_(seed) {
        machine.preemption_due = [this] { return random_state_.fetch_add(0x9e37'79b9'7f4a'7c15) >> 61 == 0; };
    }

  private:
    std::atomic<uint64_t> random_state_;
};

void unpin_all(MemoryWorld &world) {
    for (uint64_t frame = first; frame < first + frames; ++frame) {
        while (unpin_table(world.a(), MachineFrame{frame}).ok()) {
        }
    }
}

void settle(MemoryWorld &world) {
    for (bool settled = false; !settled;) {
        LockedMemory locked{world.a()};
        settled = settle_parked(locked).ok();
    }
}

TEST(PageTableRace, TwoVcpusOfOneDomain) {
    constexpr uint64_t batches = 150;  // the ticket lock is slow where the host has fewer free cores than threads
    const uint64_t seed = random_seed();
    uint64_t done = 0;
    for (uint64_t round = 0; round < 4; ++round) {
        RaceWorld world{seed + round};
        RacingVcpu one{world, seed + 2 * round};
        RacingVcpu two{world, seed + 2 * round + 1};
        std::thread other{[&two] { two.run(batches); }};
        one.run(batches);
        other.join();
        done += one.done + two.done;
        ASSERT_EQ(world.audit_findings(), 0U) << "round " << round;
        unpin_all(world);
        settle(world);
        ASSERT_EQ(world.audit_findings(), 0U) << "round " << round;
    }
    EXPECT_GT(done, 500U);
}

// Teardown ends, whatever was left: pins, interrupted work in both directions, tables that refer to each other.
TEST(PageTableRace, TeardownTakesEverythingApart) {
    const uint64_t seed = random_seed();
    for (uint64_t round = 0; round < 20; ++round) {
        RaceWorld world{seed + round};
        RacingVcpu vcpu{world, seed + round};
        vcpu.run(300);
        static uint64_t given_back;
        given_back = 0;
        const FrameCount owned = world.a().owned();
        unsigned visits = 0;
        for (;;) {
            const auto torn = tear_down(world.a(), [](MachineFrame frame) {
                EXPECT_EQ(MemoryWorld::state(frame), FrameState{});
                EXPECT_EQ(frame_table::at(frame).owner(), no_domain);
                ++given_back;
            });
            if (torn.ok()) {
                break;
            }
            ASSERT_EQ(torn.error(), Error::again) << "round " << round;
            ASSERT_LT(++visits, 100'000U);
        }
        ASSERT_EQ(given_back, owned.raw());
        ASSERT_EQ(world.audit_findings(), 0U);
    }
}

TEST(PageTableRace, TeardownWaitsForHolders) {
    MemoryWorld world;
    TypeReference held = hold_writable(world.a(), MemoryWorld::a_first).take();
    EXPECT_EQ(tear_down(world.a(), [](MachineFrame) {}).error(), Error::busy);
    EXPECT_EQ(world.a().owned(), FrameCount{1});
    held = TypeReference{};
    EXPECT_TRUE(tear_down(world.a(), [](MachineFrame) {}).ok());
    EXPECT_TRUE(tear_down(world.a(), [](MachineFrame) {}).ok()) << "nothing is left to do";
}

}  // namespace
}  // namespace ringfold::test
