// SPDX-License-Identifier: Apache-2.0
//
// The scheduling policy over 10 s of virtual time: weights, caps, wake-up latency, affinity, idle CPUs, starvation. The
// comparison of policies prints the table of docs/scheduler.md.
#include "tests/unit/schedule_simulation.hpp"
#include "tests/unit/random_seed.hpp"

#include <gtest/gtest.h>
#include <cmath>

namespace ringfold::simulation {
namespace {

constexpr uint64_t length = 10 * second;
constexpr uint64_t warm_up = second;

double share(uint64_t service, uint64_t of = length) { return static_cast<double>(service) / static_cast<double>(of); }

struct World : Simulation {
    explicit World(unsigned cpus) : Simulation(cpus, virtual_time_scheduling(cpus)) {}

    void measure() {
        run_until(warm_up);
        reset_counts();
        run_until(warm_up + length);
    }
};

// What each of hogs with these weights should have of `cpus` CPUs, none more than one: those that would have more get
// one, the others share the rest.
std::vector<double> fair_shares(std::vector<double> weights, double cpus) {
    std::vector<double> shares(weights.size(), 0);
    for (;;) {
        double total = 0;
        double left = cpus;
        for (std::size_t index = 0; index < weights.size(); ++index) {
            (shares[index] == 1.0 ? left : total) += shares[index] == 1.0 ? -1.0 : weights[index];
        }
        bool again = false;
        for (std::size_t index = 0; index < weights.size(); ++index) {
            if (shares[index] != 1.0) {
                shares[index] = weights[index] / total * left;
                if (shares[index] >= 1.0) {
                    shares[index] = 1.0;
                    again = true;
                    break;
                }
            }
        }
        if (!again) {
            return shares;
        }
        for (double &each : shares) {
            each = each == 1.0 ? 1.0 : 0.0;
        }
    }
}

struct Fairness {
    unsigned cpus;
    std::vector<uint32_t> weights;
};

double worst_error(Simulation &world, const Fairness &scenario) {
    std::vector<double> weights(scenario.weights.begin(), scenario.weights.end());
    const auto fair = fair_shares(weights, scenario.cpus);
    double worst = 0;
    for (std::size_t index = 0; index < fair.size(); ++index) {
        const double got = share(world.service_of(static_cast<unsigned>(index)));
        worst = std::max(worst, std::abs(got - fair[index]) / fair[index]);
    }
    return worst;
}

void add_hogs(Simulation &world, const Fairness &scenario) {
    for (const uint32_t weight : scenario.weights) {
        const unsigned domain = world.add_domain({.weight = weight});
        world.add({.domain = domain, .cpu = domain % scenario.cpus});
    }
}

class FairnessTest : public testing::TestWithParam<Fairness> {};

TEST_P(FairnessTest, SharesAreWithinTwoPerCentOfTheWeights) {
    World world{GetParam().cpus};
    add_hogs(world, GetParam());
    world.measure();
    EXPECT_LE(worst_error(world, GetParam()), 0.02);
    EXPECT_EQ(world.idle_while_waiting(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Weights, FairnessTest,
                         testing::Values(Fairness{1, {256, 256}}, Fairness{1, {256, 512}}, Fairness{1, {100, 200, 700}},
                                         Fairness{1, {256, 256, 256, 256, 256, 256, 256}}, Fairness{2, {256, 256, 256}},
                                         Fairness{2, {768, 256, 256}}, Fairness{2, {768, 768, 256, 256}},
                                         Fairness{4, {256, 256, 256, 256, 256}}, Fairness{2, {2000, 100, 100}},
                                         Fairness{4, {256, 256, 256, 256, 256, 256}},
                                         Fairness{4, {1024, 512, 512, 256, 256, 256, 128, 128}},
                                         Fairness{3, {300, 200, 100, 100, 100}}));

}  // namespace
}  // namespace ringfold::simulation
