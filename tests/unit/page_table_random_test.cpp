// SPDX-License-Identifier: Apache-2.0
//
// A million random operations on page tables, each compared with the independent model (page_table_model.hpp): whether
// it is refused and why, and afterwards every reference and type. Long work is preempted at random; two processors walk
// the tables with caches that forget only what they are told to forget, and what they hold is checked again and again;
// every few thousand operations the audit recounts everything.
#include "hypervisor/mm/validate.hpp"
#include "tests/unit/memory_world.hpp"
#include "tests/unit/page_table_model.hpp"
#include "tests/unit/random_seed.hpp"

#include <algorithm>
#include <string>

namespace ringfold::test {
namespace {

constexpr uint64_t tables_first = MemoryWorld::a_first.raw();
constexpr uint64_t table_count = 12;
constexpr uint64_t data_first = MemoryWorld::a_first.raw() + 40;
constexpr uint64_t data_count = 12;
constexpr uint64_t mixed_first = MemoryWorld::a_mixed.raw();
constexpr uint64_t mixed_count = 4;

class RandomRun {
  public:
    explicit RandomRun(uint64_t seed) : random_(seed) {
        model_.owners.resize(MemoryWorld::ram.raw());
        for (uint64_t frame = MemoryWorld::a_first.raw(); frame < MemoryWorld::free_first.raw(); ++frame) {
            model_.owners[frame] = frame < MemoryWorld::b_first.raw() ? 1 : 2;
        }
        const auto adopt = [&](uint64_t first, uint64_t count) {
            for (uint64_t frame = first; frame < first + count; ++frame) {
                universe_.push_back(frame);
                model_.contents[frame] = {};
            }
        };
        adopt(tables_first, table_count);
        adopt(data_first, data_count);
        adopt(mixed_first, mixed_count);
        adopt(MemoryWorld::a_whole.raw() + 3, 2);
        adopt(MemoryWorld::b_first.raw(), 1);
        model_.extent_owners = {{1, 1}, {2, 1}};
        model_.ram_end = MemoryWorld::ram.raw();
        model_.device_first = MemoryWorld::device_first.raw();
        model_.device_end = model_.device_first + 16;
        world_.machine.preemption_due = [this] { return preemption_percent_ != 0 && chance(preemption_percent_); };
        world_.on_load_root = [this](MachineFrame l4) { world_.machine.cpu(0).load_root(world_.a(), l4); };
    }
    ~RandomRun() {
        world_.machine.cpu(0).leave_root();
        world_.machine.cpu(1).leave_root();
    }

    void step() {
        if (chance(1)) {
            static constexpr std::array<unsigned, 4> percents{0, 3, 30, 90};
            preemption_percent_ = percents[below(percents.size())];
        }
        const uint64_t dice = below(100);
        if (dice < 40) {
            set(false);
        } else if (dice < 48) {
            set(true);
        } else if (dice < 57) {
            flags_run();
        } else if (dice < 66) {
            pin();
        } else if (dice < 72) {
            unpin();
        } else if (dice < 77) {
            load_root();
        } else if (dice < 80) {
            hold();
        } else if (dice < 83) {
            let_go();
        } else if (dice < 92) {
            guest_write();
        } else if (dice < 95) {
            release_and_assign();
        } else {
            second_cpu();
        }
        present_is_known_ = false;
        hardware();
        if (chance(30)) {
            settle();
            compare();
        }
        if (chance(25)) {
            ASSERT_EQ(world_.machine.check_caches(), "");
        }
    }

    void audit() {
        settle();
        ASSERT_EQ(world_.audit_findings(), 0U);
    }

    [[nodiscard]] uint64_t accepted() const { return accepted_; }
    [[nodiscard]] uint64_t refused() const { return refused_; }
    [[nodiscard]] uint64_t preemptions() const { return world_.preemptions; }
    [[nodiscard]] uint64_t flushes() const { return world_.machine.flushes; }

  private:
    uint64_t below(uint64_t limit) { return random_() % limit; }
    bool chance(unsigned percent) { return below(100) < percent; }
    uint64_t any_frame() { return universe_[below(universe_.size())]; }
    uint64_t table_frame() { return tables_first + below(table_count); }
    unsigned any_slot() { return static_cast<unsigned>(below(modelled_indices.size())); }

    // What the model says of the present, worked out once for each operation.
    const PageTableModel::World &present_world() {
        if (!present_is_known_) {
            model_.work_out(present_);
            present_is_known_ = true;
        }
        return present_;
    }
    unsigned level_of_frame(uint64_t frame) { return present_world().frames[frame].level; }
    const std::set<Error> &wrong_with(const std::vector<PageTableModel::Wish> &wishes,
                                      const std::vector<PageTableModel::Pin> &pins = {}) {
        model_.work_out(trial_, wishes, pins);
        return trial_.wrong;
    }

    uint64_t random_entry(unsigned level) {
        if (chance(30)) {
            return chance(80) ? 0 : std::array<uint64_t, 4>{2, 0xffe, big, 0x000f'ffff'ffff'f000}[below(4)];
        }
        uint64_t flags = chance(97) ? present : 0;
        flags |= chance(50) ? writable : 0;
        flags |= chance(50) ? user : 0;
        flags |= chance(2) ? uint64_t{1} << below(12) : 0;
        flags |= chance(2) ? uint64_t{1} << (52 + below(12)) : 0;
        flags |= chance(20) ? uint64_t{RINGFOLD_ENTRY_NO_EXECUTE} : 0;
        if (level == 2 && chance(35)) {
            const uint64_t extent = chance(45) ? MemoryWorld::a_whole.raw() : below(5) * frames_per_extent;
            return extent << page_shift | flags | big;
        }
        uint64_t frame = level > 1 && chance(90) ? table_frame() : any_frame();
        if (chance(2)) {
            frame = std::array{MemoryWorld::hypervisor_frame.raw(),  MemoryWorld::device_first.raw(),
                               MemoryWorld::device_first.raw() + 16, uint64_t{0},
                               MemoryWorld::free_first.raw(),        uint64_t{0xff'ffff'ffff}}[below(6)];
        }
        return frame << page_shift | flags;
    }

    // The implementation must refuse for one of the reasons that the model has, and only then.
    bool judge(const Result<void> &result, const std::set<Error> &wrong, const std::string &what) {
        if (result.ok()) {
            ++accepted_;
            EXPECT_TRUE(wrong.empty()) << what << ": accepted, but should be refused";
            return true;
        }
        ++refused_;
        EXPECT_TRUE(wrong.contains(result.error()))
            << what << ": refused with " << static_cast<int>(result.error()) << ", model would have "
            << (wrong.empty() ? -1 : static_cast<int>(*wrong.begin()));
        return false;
    }

    uint64_t pick_table() {
        uint64_t frame = chance(95) ? table_frame() : any_frame();
        for (int tries = 0; tries < 3 && level_of_frame(frame) == 0; ++tries) {
            frame = table_frame();
        }
        return frame;
    }

    std::set<Error> wrong_for_entry_of(uint64_t frame, unsigned level) {
        if (model_.owners.at(frame) != model_.domain) {
            return {Error::bad_frame};
        }
        return level == 0 ? std::set<Error>{Error::not_found} : std::set<Error>{};
    }

    void set(bool keep) {
        const uint64_t frame = pick_table();
        const unsigned level = level_of_frame(frame);
        const unsigned slot = any_slot();
        const unsigned index = modelled_indices[slot];
        const uint64_t old = model_.contents[frame][slot];
        uint64_t value = chance(20) ? old ^ (uint64_t{1} << below(8)) : random_entry(level == 0 ? 1 : level);
        std::set<Error> wrong = wrong_for_entry_of(frame, level);
        if (wrong.empty()) {
            if (!model_.may_stand(level, index, value)) {
                wrong = {Error::access_denied};
            } else {
                wrong = wrong_with({{level, value}});
            }
        }
        const MachineFrame table{frame};
        const auto result =
            keep ? world_.set_keep(world_.a(), table, index, value) : world_.set(world_.a(), table, index, value);
        const std::string what = "set " + std::to_string(index) + " of L" + std::to_string(level) + " " +
                                 std::to_string(frame) + " to " + std::to_string(value >> page_shift) + " flags " +
                                 std::to_string(value % page_size);
        if (!judge(result, wrong, what)) {
            return;
        }
        if (keep && (old & value & 1) != 0 && (old & 0x000f'ffff'ffff'f000) == (value & 0x000f'ffff'ffff'f000)) {
            value |= old & 0x60;
        }
        model_.contents[frame][slot] = value;
        EXPECT_EQ(MemoryWorld::words(table)[index], value);
    }

    void flags_run() {
        const uint64_t frame = pick_table();
        const unsigned level = level_of_frame(frame);
        const unsigned first = modelled_indices[any_slot()];
        const auto count = static_cast<uint32_t>(1 + below(512 - first));
        const uint64_t mask = (chance(70) ? writable : 0) | (chance(30) ? user : 0) | (chance(10) ? 0x60 : 0) |
                              (chance(10) ? uint64_t{1} << 63 : 0) | (chance(10) ? 0xe00 : 0);
        const uint64_t value = random_();
        std::set<Error> wrong = wrong_for_entry_of(frame, level);
        auto changed = model_.contents[frame];
        if (wrong.empty()) {
            std::vector<PageTableModel::Wish> wishes;
            for (unsigned slot = 0; slot < modelled_indices.size(); ++slot) {
                const unsigned index = modelled_indices[slot];
                uint64_t &entry = changed[slot];
                const bool leaf = (entry & 1) != 0 && (level == 1 || (level == 2 && (entry & big) != 0));
                if (index < first || index >= first + count || !leaf) {
                    continue;
                }
                entry = (entry & ~mask) | (value & mask);
                wishes.push_back({level, entry});
            }
            wrong = wrong_with(wishes);
        }
        if (judge(world_.run(world_.a(), MachineFrame{frame}, first, count, value, mask), wrong, "run")) {
            model_.contents[frame] = changed;
        }
        if (level != 0) {
            for (unsigned slot = 0; slot < modelled_indices.size(); ++slot) {
                EXPECT_EQ(MemoryWorld::words(MachineFrame{frame})[modelled_indices[slot]],
                          model_.contents[frame][slot]);
            }
        }
    }

    [[nodiscard]] std::set<Error> wrong_for_table(uint64_t frame, unsigned level) {
        if (model_.owners.at(frame) != model_.domain) {
            return {Error::bad_frame};
        }
        return wrong_with({}, {{frame, level}});
    }

    void pin() {
        const uint64_t frame = chance(95) ? table_frame() : any_frame();
        const auto level = static_cast<unsigned>(1 + below(4));
        std::set<Error> wrong = wrong_for_table(frame, level);
        if (pinned_.contains(frame)) {
            wrong = {Error::already_exists};
        }
        if (judge(world_.pin(world_.a(), MachineFrame{frame}, level), wrong, "pin")) {
            pinned_.insert(frame);
            model_.pins.push_back({frame, level});
        }
    }

    void remove_pin(uint64_t frame) {
        const auto found = std::find_if(model_.pins.begin(), model_.pins.end(),
                                        [frame](const auto &pin) { return pin.frame == frame; });
        ASSERT_NE(found, model_.pins.end());
        model_.pins.erase(found);
    }

    void unpin() {
        const uint64_t frame = chance(90) ? table_frame() : any_frame();
        std::set<Error> wrong;
        if (model_.owners.at(frame) != model_.domain) {
            wrong = {Error::bad_frame};
        } else if (!pinned_.contains(frame)) {
            wrong = {Error::not_found};
        }
        if (judge(world_.unpin(world_.a(), MachineFrame{frame}), wrong, "unpin")) {
            pinned_.erase(frame);
            remove_pin(frame);
        }
    }

    void load_root() {
        const uint64_t frame = chance(95) ? table_frame() : any_frame();
        const std::set<Error> wrong = wrong_for_table(frame, 4);
        const uint64_t old = world_.root.frame().raw();
        const bool had_root = static_cast<bool>(world_.root);
        if (judge(world_.load(world_.a(), MachineFrame{frame}), wrong, "load root")) {
            model_.pins.push_back({frame, 4});
            if (had_root) {
                remove_pin(old);
            }
        }
    }

    // Another processor: runs on a root of its own, or is in the hypervisor.
    void second_cpu() {
        SimulatedCpu &cpu = world_.machine.cpu(1);
        if (chance(30)) {
            second_in_hypervisor_ = !second_in_hypervisor_;
            second_in_hypervisor_ ? cpu.enter_hypervisor() : cpu.leave_hypervisor();
            return;
        }
        const uint64_t frame = table_frame();
        const std::set<Error> wrong = wrong_for_table(frame, 4);
        auto taken = retry([&] { return take_root(world_.a(), MachineFrame{frame}); });
        if (!judge(taken.ok() ? Result<void>{} : taken.error(), wrong, "take root")) {
            return;
        }
        model_.pins.push_back({frame, 4});
        cpu.load_root(world_.a(), MachineFrame{frame});
        if (second_root_) {
            remove_pin(second_root_->frame().raw());
            world_.held.erase(world_.held.begin());
        }
        world_.held.insert(world_.held.begin(), taken.take());
        second_root_ = &world_.held.front();
    }

    template <typename Operation>
    auto retry(Operation &&operation) -> decltype(operation()) {
        for (;;) {
            auto result = operation();
            if (result.ok() || result.error() != Error::again) {
                return result;
            }
            ++world_.preemptions;
        }
    }

    [[nodiscard]] std::set<Error> wrong_for_hold(uint64_t frame) {
        if (model_.owners.at(frame) != model_.domain) {
            return {Error::bad_frame};
        }
        return level_of_frame(frame) != 0 ? std::set<Error>{Error::busy} : std::set<Error>{};
    }

    void hold() {
        const uint64_t frame = any_frame();
        const std::set<Error> wrong = wrong_for_hold(frame);
        auto held = retry([&] { return hold_writable(world_.a(), MachineFrame{frame}); });
        if (judge(held.ok() ? Result<void>{} : held.error(), wrong, "hold")) {
            model_.held_writable.push_back(frame);
            world_.held.push_back(held.take());
            second_root_ = second_root_ ? &world_.held.front() : nullptr;
        }
    }

    void let_go() {
        if (model_.held_writable.size() < 4 && chance(50)) {
            return;
        }
        const std::size_t first = second_root_ ? 1 : 0;
        if (world_.held.size() == first) {
            return;
        }
        const auto which = world_.held.begin() + static_cast<long>(first + below(world_.held.size() - first));
        model_.held_writable.erase(
            std::find(model_.held_writable.begin(), model_.held_writable.end(), which->frame().raw()));
        world_.held.erase(which);
        second_root_ = second_root_ ? &world_.held.front() : nullptr;
    }

    // The guest writes to a frame that it may write to.
    void guest_write() {
        const uint64_t frame = chance(80) ? table_frame() : any_frame();
        if (!wrong_for_hold(frame).empty()) {
            return;
        }
        const auto held = retry([&] { return hold_writable(world_.a(), MachineFrame{frame}); });
        ASSERT_TRUE(held.ok());
        for (int writes = 0; writes < 3; ++writes) {
            const unsigned slot = any_slot();
            const uint64_t value = random_entry(static_cast<unsigned>(1 + below(4)));
            model_.contents[frame][slot] = value;
            MemoryWorld::words(MachineFrame{frame})[modelled_indices[slot]] = value;
        }
        if (chance(20)) {
            model_.contents[frame] = {};
            clear_frame(MachineFrame{frame});
        }
    }

    void release_and_assign() {
        const uint64_t frame = any_frame();
        const uint16_t owner = model_.owners.at(frame);
        const auto &use = present_world().frames[frame];
        const auto &extent = present_world().extents[frame / 512];
        std::set<Error> wrong;
        if (owner != 1) {
            wrong = {Error::bad_frame};
        } else if (use.tables + use.writable + use.read_only + extent.big_read_only + extent.big_writable != 0) {
            wrong = {Error::busy};
        }
        const auto released = retry([&] { return release_frame(world_.a(), MachineFrame{frame}); });
        if (!judge(released.ok() ? Result<void>{} : released.error(), wrong, "release")) {
            return;
        }
        EXPECT_EQ(world_.machine.check_caches(), "");
        // Another domain has it for a while.
        EXPECT_TRUE(assign_frames(world_.b(), MachineFrame{frame}, FrameCount{1}).ok());
        EXPECT_EQ(world_.machine.check_caches(), "");
        EXPECT_TRUE(release_frame(world_.b(), MachineFrame{frame}).ok());
        clear_frame(MachineFrame{frame});
        model_.contents[frame] = {};
        EXPECT_TRUE(assign_frames(world_.a(), MachineFrame{frame}, FrameCount{1}).ok());
    }

    // Processors walk, and set accessed and dirty bits.
    void hardware() {
        for (SimulatedCpu &cpu : world_.machine.cpus()) {
            if (chance(20)) {
                cpu.walk(random_);
            }
            if (chance(1)) {
                cpu.flush();
            }
        }
        if (!chance(20)) {
            return;
        }
        const uint64_t frame = table_frame();
        const unsigned slot = any_slot();
        uint64_t &entry = model_.contents[frame][slot];
        if (level_of_frame(frame) != 0 && (entry & present) != 0) {
            entry |= uint64_t{0x20} << below(2);
            MemoryWorld::words(MachineFrame{frame})[modelled_indices[slot]] = entry;
        }
    }

    void settle() {
        for (bool settled = false; !settled;) {
            LockedMemory locked{world_.a()};
            settled = settle_parked(locked).ok();
        }
    }

    void compare() {
        const auto &world = present_world();
        ASSERT_TRUE(world.wrong.empty()) << "the model contradicts itself";
        for (const uint64_t frame : universe_) {
            const auto &use = world.frames[frame];
            const FrameState state = MemoryWorld::state(MachineFrame{frame});
            ASSERT_EQ(state.references(), 1 + use.tables + use.writable + use.read_only) << "frame " << frame;
            ASSERT_EQ(state.type_count(), use.tables + use.writable) << "frame " << frame;
            const FrameType type = use.level != 0      ? table_type(static_cast<Level>(use.level))
                                   : use.writable != 0 ? FrameType::writable
                                                       : FrameType::none;
            ASSERT_EQ(static_cast<int>(state.type()), static_cast<int>(type)) << "frame " << frame;
            ASSERT_EQ(state.pinned(), pinned_.contains(frame));
            ASSERT_EQ(state.validated(), use.level != 0);
            ASSERT_FALSE(state.partial());
        }
        for (const uint64_t extent : {uint64_t{1}, uint64_t{2}, uint64_t{3}}) {
            const auto &use = world.extents[extent];
            const ExtentState state = MemoryWorld::extent(MachineFrame{extent * 512});
            ASSERT_EQ(state.page_tables(), use.tables);
            ASSERT_EQ(state.big_writable(), use.big_writable);
            ASSERT_EQ(state.big_read_only(), use.big_read_only);
        }
    }

    Random random_;
    MemoryWorld world_;
    PageTableModel model_;
    std::vector<uint64_t> universe_;
    PageTableModel::World present_{MemoryWorld::ram.raw()};
    PageTableModel::World trial_{MemoryWorld::ram.raw()};
    bool present_is_known_ = false;
    std::set<uint64_t> pinned_;
    const TypeReference *second_root_ = nullptr;
    bool second_in_hypervisor_ = false;
    unsigned preemption_percent_ = 0;
    uint64_t accepted_ = 0;
    uint64_t refused_ = 0;
};

TEST(PageTableRandom, AgreesWithTheModel) {
    const char *given = std::getenv("RINGFOLD_OPERATIONS");
    const uint64_t operations = given != nullptr ? std::strtoull(given, nullptr, 0) : 1'000'000;
    const uint64_t seed = random_seed();
    std::fflush(stdout);
    uint64_t accepted = 0;
    uint64_t refused = 0;
    uint64_t preemptions = 0;
    uint64_t flushes = 0;
    for (uint64_t round = 0; round < 20 && !testing::Test::HasFailure(); ++round) {
        RandomRun run{seed + round};
        for (uint64_t done = 0; done < operations / 20 && !testing::Test::HasFailure(); ++done) {
            run.step();
            if (testing::Test::HasFailure()) {
                std::printf("at operation %llu of round %llu\n", static_cast<unsigned long long>(done),
                            static_cast<unsigned long long>(round));
            }
            if (done % 5000 == 4999) {
                run.audit();
            }
        }
        accepted += run.accepted();
        refused += run.refused();
        preemptions += run.preemptions();
        flushes += run.flushes();
    }
    std::printf("%llu accepted, %llu refused, %llu preemptions, %llu flushes\n",
                static_cast<unsigned long long>(accepted), static_cast<unsigned long long>(refused),
                static_cast<unsigned long long>(preemptions), static_cast<unsigned long long>(flushes));
    EXPECT_GT(accepted, operations / 10);
    EXPECT_GT(refused, operations / 10);
    EXPECT_GT(preemptions, 1000U);
    EXPECT_GT(flushes, 1000U);
}

}  // namespace
}  // namespace ringfold::test
