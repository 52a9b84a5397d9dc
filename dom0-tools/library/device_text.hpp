// SPDX-License-Identifier: Apache-2.0
//
// What a configuration says of a device, in one text: "KEY=VALUE,KEY=VALUE".
#pragma once

#include "dom0-tools/library/nearest.hpp"
#include "dom0-tools/library/outcome.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

namespace ringfold::tools {

template <typename Device>
struct DeviceKey {
    std::string_view name;
    Outcome<void> (*set)(Device &, std::string_view value);
};

// Calls `set` with each part and its position; a failure names the whole text.
[[nodiscard]] Outcome<void> for_each_part(std::string_view text,
                                          const std::function<Outcome<void>(std::string_view, std::size_t)> &set);

[[nodiscard]] std::string_view trimmed(std::string_view text);

// The first `positional` keys may be left out where their values stand in their order.
template <typename Device, std::size_t count>
[[nodiscard]] Outcome<void> set_from_text(Device &device, std::string_view text,
                                          const std::array<DeviceKey<Device>, count> &keys, std::size_t positional) {
    return for_each_part(text, [&](std::string_view part, std::size_t position) -> Outcome<void> {
        const std::size_t equals = part.find('=');
        if (equals == std::string_view::npos) {
            return position < positional ? keys[position].set(device, part)
                                         : wrong(fmt::format("\"{}\": expected KEY=VALUE", part));
        }
        const std::string_view name = trimmed(part.substr(0, equals));
        const auto key = std::ranges::find(keys, name, &DeviceKey<Device>::name);
        if (key != keys.end()) {
            return key->set(device, trimmed(part.substr(equals + 1)));
        }
        std::array<std::string_view, count> names;
        std::ranges::transform(keys, names.begin(), &DeviceKey<Device>::name);
        return wrong(fmt::format("unknown key \"{}\"{}", name, suggestion(name, names)));
    });
}

}  // namespace ringfold::tools
