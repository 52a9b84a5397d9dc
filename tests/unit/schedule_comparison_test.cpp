// SPDX-License-Identifier: Apache-2.0
//
// The comparison of policies: prints the table of docs/scheduler.md.
#include "tests/unit/schedule_scenarios.hpp"

#include <gtest/gtest.h>
#include <cstdio>

namespace ringfold::simulation {
namespace {

struct Figures {
    double fairness = 0;        // worst error of a share, over the scenarios of FairnessTest
    double cap = 0;             // worst error of a cap
    double latency = 0;         // worst, ms, beside four hogs
    double latency_of_ten = 0;  // the same for ten waking vCPUs
    double idle = 0;            // ms that CPUs idled while somebody waited, in 10 s
    double switches = 0;        // a second, three hogs on two CPUs
};

using Maker = std::unique_ptr<Scheduling> (*)(unsigned cpus);

double worst_latency(Maker make, unsigned waking) {
    Simulation world{1, make(1)};
    const unsigned busy = world.add_domain({});
    for (unsigned hog = 0; hog < 4; ++hog) {
        world.add({.domain = busy});
    }
    const unsigned domain = world.add_domain({});
    for (unsigned task = 0; task < waking; ++task) {
        // Periods without a common measure, so that they meet each other and the ends of slices in every way.
        const uint64_t period = 11 * millisecond + 137 * microsecond * task;
        world.add({.domain = domain, .behaviour = {50 * microsecond, period}}, 777'777 * task);
    }
    measure(world);
    uint64_t worst = 0;
    for (const auto &task : world.tasks()) {
        worst = std::max(worst, task->parameters.domain == domain ? task->worst_latency : 0);
    }
    return static_cast<double>(worst) / static_cast<double>(millisecond);
}

Figures figures_of(Maker make) {
    Figures figures;
    for (const Fairness &scenario : {Fairness{1, {100, 200, 700}}, Fairness{2, {256, 256, 256}},
                                     Fairness{2, {768, 768, 256, 256}}, Fairness{4, {256, 256, 256, 256, 256}}}) {
        Simulation world{scenario.cpus, make(scenario.cpus)};
        add_hogs(world, scenario);
        measure(world);
        figures.fairness = std::max(figures.fairness, worst_error(world, scenario));
        if (scenario.cpus == 2 && scenario.weights.size() == 3) {
            figures.switches = static_cast<double>(world.switches()) / 10;
        }
    }
    for (const uint32_t cap : {5u, 25u, 75u}) {
        Simulation world{1, make(1)};
        const unsigned capped = world.add_domain({.cap = cap});
        world.add({.domain = capped});
        measure(world);
        figures.cap = std::max(figures.cap, std::abs(share(world.service_of(capped)) * 100.0 / cap - 1));
    }
    figures.latency = worst_latency(make, 1);
    figures.latency_of_ten = worst_latency(make, 10);
    Simulation world{2, make(2)};
    const unsigned domain = world.add_domain({});
    world.add({.domain = domain});
    world.add({.domain = domain});
    for (unsigned task = 0; task < 3; ++task) {
        world.add({.domain = domain, .behaviour = {3 * millisecond, 17 * millisecond}, .cpu = 1}, task * millisecond);
    }
    measure(world);
    figures.idle = static_cast<double>(world.idle_while_waiting()) / static_cast<double>(millisecond);
    return figures;
}

TEST(ScheduleSimulation, ComparisonOfPolicies) {
    const Figures virtual_time = figures_of(virtual_time_scheduling);
    const Figures credit = figures_of(credit_scheduling);
    const auto print = [](const char *what, double first, double second) {
        std::printf("%-58s %10.2f %10.2f\n", what, first, second);
    };
    std::printf("%-58s %10s %10s\n", "", "virtual", "credit");
    print("worst error of a share, %", virtual_time.fairness * 100, credit.fairness * 100);
    print("worst error of a cap (5, 25, 75 %), %", virtual_time.cap * 100, credit.cap * 100);
    print("worst wake-up latency beside 4 hogs, ms", virtual_time.latency, credit.latency);
    print("the same, of 10 waking vCPUs, ms", virtual_time.latency_of_ten, credit.latency_of_ten);
    print("idle while somebody waits, ms in 10 s on 2 CPUs", virtual_time.idle, credit.idle);
    print("switches a second, 3 hogs on 2 CPUs", virtual_time.switches, credit.switches);
    EXPECT_LE(virtual_time.fairness, 0.02);
    EXPECT_LE(virtual_time.cap, 0.02);
    EXPECT_LE(virtual_time.latency, 1.0);
    EXPECT_LE(virtual_time.latency_of_ten, 1.0);
    EXPECT_EQ(virtual_time.idle, 0);
}

}  // namespace
}  // namespace ringfold::simulation
