// SPDX-License-Identifier: Apache-2.0
//
// The terminal as a guest's console, and as a place where a stream is shown.
#pragma once

#include "dom0-tools/library/client.hpp"

#include <string>

namespace ringfold::tools {

inline constexpr char detach_key = 0x1d;  // Ctrl-]

enum class StreamEnd { over, detached };

// Copies a stream to standard output, and (`typing`) standard input to it, until the stream is over or Ctrl-] is typed.
[[nodiscard]] Outcome<StreamEnd> show_stream(Client &client, bool typing);

// What of `typed` goes to the guest: all before Ctrl-], which sets `detached`.
[[nodiscard]] std::string_view before_detach(std::string_view typed, bool &detached);

}  // namespace ringfold::tools
