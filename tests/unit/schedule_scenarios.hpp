// SPDX-License-Identifier: Apache-2.0
//
// What tests of the scheduling policy measure: 10 s of virtual time, after a second to settle.
#pragma once

#include "tests/unit/schedule_simulation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace ringfold::simulation {

inline constexpr uint64_t length = 10 * second;
inline constexpr uint64_t warm_up = second;

inline double share(uint64_t service, uint64_t of = length) {
    return static_cast<double>(service) / static_cast<double>(of);
}

// The counts are then of `length`.
inline void measure(Simulation &world) {
    world.run_until(warm_up);
    world.reset_counts();
    world.run_until(warm_up + length);
}

struct World : Simulation {
    explicit World(unsigned cpus) : Simulation(cpus, virtual_time_scheduling(cpus)) {}

    void measure() { simulation::measure(*this); }
};

// What each of hogs with these weights should have of `cpus` CPUs, none more than one: those that would have more get
// one, the others share the rest.
inline std::vector<double> fair_shares(std::vector<double> weights, double cpus) {
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

inline double worst_error(Simulation &world, const Fairness &scenario) {
    std::vector<double> weights(scenario.weights.begin(), scenario.weights.end());
    const auto fair = fair_shares(weights, scenario.cpus);
    double worst = 0;
    for (std::size_t index = 0; index < fair.size(); ++index) {
        const double got = share(world.service_of(static_cast<unsigned>(index)));
        worst = std::max(worst, std::abs(got - fair[index]) / fair[index]);
    }
    return worst;
}

inline void add_hogs(Simulation &world, const Fairness &scenario) {
    for (const uint32_t weight : scenario.weights) {
        const unsigned domain = world.add_domain({.weight = weight});
        world.add({.domain = domain, .cpu = domain % scenario.cpus});
    }
}

}  // namespace ringfold::simulation
