// SPDX-License-Identifier: Apache-2.0
//
// Commands about pools of CPUs.
#include "dom0-tools/hvd/commands.hpp"
#include "dom0-tools/library/values.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>

namespace ringfold::tools {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 2> mode_names{"shared", "one-to-one"};
static_assert(RINGFOLD_POOL_SHARED == 0 && RINGFOLD_POOL_ONE_TO_ONE == 1);

Outcome<uint32_t> parse_mode(const std::string &name) {
    const auto found = std::ranges::find(mode_names, name);
    if (found == mode_names.end()) {
        return Failure{Kind::usage, fmt::format("mode \"{}\": expected shared or one-to-one", name)};
    }
    return static_cast<uint32_t>(found - mode_names.begin());
}

Outcome<uint32_t> pool_in(const json &arguments) {
    const Outcome<uint64_t> pool = parse_number(arguments.at("pool").get<std::string>(), 0, RINGFOLD_POOL_COUNT - 1);
    if (!pool.ok()) {
        return Failure{Kind::usage, fmt::format("pool: {}", pool.error().text)};
    }
    return static_cast<uint32_t>(pool.value());
}

bool is_used(const ringfold_pool_info &pool) {
    return pool.cpus != 0 || pool.domains != 0 || pool.mode != RINGFOLD_POOL_SHARED;
}

// In which pool each CPU is, from 0 on.
using Places = std::array<uint32_t, 64>;

struct Machine {
    uint64_t cpus = 0;
    Places places{};
};

Outcome<Machine> read_machine(const Hypervisor &hypervisor) {
    Machine machine;
    for (uint32_t pool = 0; pool < RINGFOLD_POOL_COUNT; ++pool) {
        const uint64_t cpus = TRY(hypervisor.pool(pool)).cpus;
        machine.cpus |= cpus;
        for (uint64_t left = cpus; left != 0; left &= left - 1) {
            machine.places.at(static_cast<std::size_t>(std::countr_zero(left))) = pool;
        }
    }
    return machine;
}

}  // namespace

Commands::Result Commands::pool_list(Arguments) const {
    json rows = json::array();
    for (uint32_t number = 0; number < RINGFOLD_POOL_COUNT; ++number) {
        const ringfold_pool_info pool = TRY(supervisor_->hypervisor().pool(number));
        if (is_used(pool)) {
            rows.push_back({{"pool", number},
                            {"cpus", pool.cpus == 0 ? "" : format_cpus(pool.cpus)},
                            {"mode", mode_names.at(pool.mode)},
                            {"domains", pool.domains}});
        }
    }
    return rows;
}

// All of them, or none.
Commands::Result Commands::pool_cpus(Arguments arguments) {
    const Hypervisor &hypervisor = supervisor_->hypervisor();
    const uint32_t pool = TRY(pool_in(arguments));
    const uint64_t wanted = TRY(parse_cpus(arguments.at("cpus").get<std::string>()));
    const Machine machine = TRY(read_machine(hypervisor));
    const uint64_t missing = wanted == ~uint64_t{0} ? 0 : wanted & ~machine.cpus;
    if (missing != 0) {
        return Failure{Kind::not_found, fmt::format("there is no CPU {}", format_cpus(missing))};
    }
    for (uint64_t left = wanted & machine.cpus; left != 0; left &= left - 1) {
        const auto cpu = static_cast<uint32_t>(std::countr_zero(left));
        const Outcome<void> moved = hypervisor.move_cpu(cpu, pool);
        if (!moved.ok()) {
            for (uint32_t earlier = 0; earlier < cpu; ++earlier) {
                if ((wanted & machine.cpus & uint64_t{1} << earlier) != 0) {
                    (void)hypervisor.move_cpu(earlier, machine.places.at(earlier)).ok();  // it came from there
                }
            }
            return during(fmt::format("CPU {}", cpu), moved.error());
        }
    }
    return json::object();
}

Commands::Result Commands::pool_mode(Arguments arguments) {
    const uint32_t pool = TRY(pool_in(arguments));
    const uint32_t mode = TRY(parse_mode(arguments.at("mode").get<std::string>()));
    TRY(supervisor_->hypervisor().set_pool_mode(pool, mode));
    return json::object();
}

}  // namespace ringfold::tools
