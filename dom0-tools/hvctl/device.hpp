// SPDX-License-Identifier: Apache-2.0
//
// What commands about devices have in common.
#pragma once

#include "dom0-tools/hvctl/command.hpp"

namespace ringfold::tools {

// Why a device is still there that a guest was asked to let go of; `device` names it for people.
[[nodiscard]] std::string kept_by_guest(const std::string &domain, const std::string &device);

// hvd has taken a device away, or asked for it, which may take its time, or for ever. Waits until `list` (block-list,
// ...) shows no row with `key` = `value`. busy, with `why`: it is still there.
[[nodiscard]] Outcome<void> wait_until_gone(Client &client, const std::string &domain, const std::string &list,
                                            const char *key, const nlohmann::json &value, const std::string &why);

}  // namespace ringfold::tools
