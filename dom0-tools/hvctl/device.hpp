// SPDX-License-Identifier: Apache-2.0
//
// What commands about devices have in common.
#pragma once

#include "dom0-tools/hvctl/command.hpp"

namespace ringfold::tools {

// hvd has asked a guest to let go of a device, which may take its time, or for ever. Waits until `list` (block-list,
// ...) shows no row with `key` = `value`. busy: the guest keeps it; `device` names it for people.
[[nodiscard]] Outcome<void> wait_until_gone(Client &client, const std::string &domain, const std::string &list,
                                            const char *key, const nlohmann::json &value, const std::string &device);

}  // namespace ringfold::tools
