// SPDX-License-Identifier: Apache-2.0
//
// Interfaces of this machine.
#pragma once

#include "dom0-tools/library/outcome.hpp"

#include <string>

namespace ringfold::tools {

// Brings an interface up, as a port of a bridge unless `bridge` is empty. not_found: there is no such bridge.
[[nodiscard]] Outcome<void> plug_in(const std::string &interface, const std::string &bridge);

// The bridge that an interface is a port of; empty: none.
[[nodiscard]] std::string bridge_of(const std::string &interface);

}  // namespace ringfold::tools
