// SPDX-License-Identifier: Apache-2.0
//
// Nobody starves: neither by chance nor by those who sleep, wake up or yield to take more than their share.
#include "tests/unit/random_seed.hpp"
#include "tests/unit/schedule_scenarios.hpp"

#include <gtest/gtest.h>

namespace ringfold::simulation {
namespace {

TEST(ScheduleSimulation, NobodyStarves) {
    const uint64_t seed = test::random_seed();
    for (unsigned round = 0; round < 20; ++round) {
        std::mt19937_64 random{seed + round};
        const auto cpus = static_cast<unsigned>(1 + random() % 4);
        World world{cpus};
        double weights = 0;
        std::vector<std::pair<const Task *, double>> hogs;
        for (unsigned number = 0; number < 16; ++number) {
            const auto weight = static_cast<uint32_t>(50 + random() % 1000);
            const unsigned domain = world.add_domain({.weight = weight});
            weights += weight;
            if (number % 2 == 0) {
                hogs.emplace_back(&world.add({.domain = domain, .cpu = number % cpus}), weight);
            } else {
                world.add({.domain = domain,
                           .behaviour = {(1 + random() % 20) * millisecond / 4, (5 + random() % 50) * millisecond}},
                          random() % second);
            }
        }
        world.measure();
        for (const auto &[task, weight] : hogs) {
            // A slice for each other one and what the heavier get more, with slack.
            EXPECT_LE(task->longest_wait, 1500 * millisecond) << "seed " << seed + round << ", task " << task->number;
            EXPECT_GE(share(task->service), 0.9 * std::min(1.0, weight / weights * cpus))
                << "seed " << seed + round << ", task " << task->number;
        }
    }
}

// Were unused claims kept without limit, the sleeper would have the CPU to itself for five seconds.
TEST(ScheduleSimulation, LongSleepBuysNoLongRun) {
    World world{1};
    const unsigned sleeper = world.add_domain({});
    const unsigned busy = world.add_domain({});
    Task &hog = world.add({.domain = busy});
    world.add({.domain = sleeper}, 5 * second);
    world.run_until(5 * second);
    const uint64_t before = hog.service;
    world.run_until(6 * second);
    EXPECT_NEAR(share(hog.service - before, second), 0.5, 0.03);
}

TEST(ScheduleSimulation, StormOfWakeUpsLeavesTheHogItsShare) {
    World world{1};
    const unsigned busy = world.add_domain({});
    const unsigned storm = world.add_domain({});
    world.add({.domain = busy});
    for (unsigned task = 0; task < 20; ++task) {
        world.add({.domain = storm, .behaviour = {10 * microsecond, 200 * microsecond}}, 1'000 * task);
    }
    world.measure();
    // Twenty vCPUs want the whole CPU; together they are entitled to 20/21 of it.
    EXPECT_GE(share(world.service_of(busy)), 1.0 / 21 * 0.98);
}

// A vCPU that yields whenever it runs neither starves nor keeps the other from running.
TEST(ScheduleSimulation, YieldingLetsTheOthersRun) {
    World world{1};
    const unsigned domain = world.add_domain({});
    const Task &first = world.add({.domain = domain});
    const Task &second_task = world.add({.domain = domain});
    world.run_until(millisecond);
    const Task *const before = world.scheduling().running(0);
    world.scheduling().yield(0, world.now());
    EXPECT_NE(world.scheduling().running(0), before);
    world.scheduling().yield(0, world.now());
    EXPECT_EQ(world.scheduling().running(0), before);
    EXPECT_TRUE(before == &first || before == &second_task);
}

TEST(ScheduleSimulation, DirectedYieldRunsWhoIsNamed) {
    World world{1};
    const unsigned domain = world.add_domain({});
    Task *tasks[] = {&world.add({.domain = domain}), &world.add({.domain = domain}), &world.add({.domain = domain})};
    world.run_until(millisecond);
    for (unsigned round = 0; round < 30; ++round) {
        Task &target = *tasks[round % 3];
        const bool runs_already = world.scheduling().running(0) == &target;
        EXPECT_EQ(world.scheduling().yield_to(0, target, world.now()), !runs_already) << "round " << round;
        EXPECT_EQ(world.scheduling().running(0) == &target, !runs_already) << "round " << round;
        world.run_until(world.now() + millisecond);
    }
}

TEST(ScheduleSimulation, DirectedYieldFetchesFromAnotherCpuWhoMayRunHere) {
    World world{2};
    const unsigned domain = world.add_domain({});
    world.add({.domain = domain, .affinity = 1, .cpu = 0});
    world.add({.domain = domain, .affinity = 2, .cpu = 1});
    Task *const both[] = {&world.add({.domain = domain, .affinity = 1, .cpu = 0}),
                          &world.add({.domain = domain, .affinity = 3, .cpu = 0})};
    for (unsigned tried = 0; tried < 3; ++tried) {
        world.run_until(world.now() + 100 * microsecond);
        for (Task *const task : both) {
            const bool may =
                task == both[1] && world.scheduling().running(0) != task && world.scheduling().running(1) != task;
            EXPECT_EQ(world.scheduling().yield_to(1, *task, world.now()), may);
            EXPECT_EQ(world.scheduling().running(1) == task, may);
        }
    }
    world.run_until(second);
    for (const auto &task : world.tasks()) {
        EXPECT_EQ(task->forbidden, 0u) << "task " << task->number;
    }
}

// Attack: two vCPUs of a domain yield to each other whenever they run. The third one, of another domain, has its third
// of the CPU all the same.
TEST(ScheduleSimulation, TwoThatYieldToEachOtherStarveNobody) {
    for (const uint64_t run : {100 * microsecond, millisecond, 5 * millisecond}) {
        World world{1};
        const unsigned pair = world.add_domain({});
        const unsigned other = world.add_domain({});
        Task &first = world.add({.domain = pair});
        Task &second_task = world.add({.domain = pair});
        Task &hog = world.add({.domain = other});
        const auto attack_until = [&](uint64_t end) {
            while (world.now() < end) {
                world.run_until(world.now() + run);
                if (world.scheduling().running(0) != &hog) {
                    Task &partner = world.scheduling().running(0) == &first ? second_task : first;
                    (void)world.scheduling().yield_to(0, partner, world.now());
                }
            }
        };
        attack_until(warm_up);
        world.reset_counts();
        attack_until(warm_up + length);
        EXPECT_NEAR(share(hog.service), 1.0 / 3, 0.02 / 3) << "yields every " << run << " ns";
        EXPECT_LE(hog.longest_wait, 100 * millisecond);
    }
}

// Attack: two vCPUs wake each other up just before they block, so that one of them always has just woken up.
TEST(ScheduleSimulation, TwoThatWakeUpInTurnStarveNobody) {
    for (uint64_t run = 400 * microsecond; run < 8 * millisecond; run += 173 * microsecond) {
        for (const uint64_t overlap : {10 * microsecond, 100 * microsecond, 600 * microsecond}) {
            World world{1};
            const unsigned pair = world.add_domain({});
            const unsigned other = world.add_domain({});
            Task &hog = world.add({.domain = other});
            const uint64_t period = 2 * run;
            world.add({.domain = pair, .behaviour = {run, period}});
            world.add({.domain = pair, .behaviour = {run, period}}, run - std::min(run, overlap));
            world.measure();
            EXPECT_GE(share(hog.service), 1.0 / 3 * 0.98) << "runs of " << run << " ns, overlapping by " << overlap;
            EXPECT_LE(hog.longest_wait, 100 * millisecond) << "runs of " << run << " ns, overlapping by " << overlap;
        }
    }
}

}  // namespace
}  // namespace ringfold::simulation
