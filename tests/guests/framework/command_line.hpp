// SPDX-License-Identifier: Apache-2.0
//
// The guest's command line: words of the form key=number.
#pragma once

#include <cstdint>

namespace guest {

// The number behind the first such key; `otherwise` if there is none.
uint64_t command_line_number(const char *key, uint64_t otherwise);

}  // namespace guest
