// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/device.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace ringfold::tools {

namespace {

constexpr int patience = 50;  // looks
constexpr auto look_interval = std::chrono::milliseconds(200);

}  // namespace

std::string kept_by_guest(const std::string &domain, const std::string &device) {
    return fmt::format("{} does not let go of {}; it will be gone when it does, or at once with --force", domain,
                       device);
}

Outcome<void> wait_until_gone(Client &client, const std::string &domain, const std::string &list, const char *key,
                              const nlohmann::json &value, const std::string &why) {
    for (int look = 0; look < patience; ++look) {
        const nlohmann::json rows = TRY(client.request(list, {{"domain", domain}}));
        if (std::ranges::none_of(rows, [&](const nlohmann::json &row) { return row.at(key) == value; })) {
            return {};
        }
        std::this_thread::sleep_for(look_interval);
    }
    return Failure{Kind::busy, why};
}

}  // namespace ringfold::tools
