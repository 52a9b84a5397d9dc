// SPDX-License-Identifier: Apache-2.0
//
// The domain's console, through the page of the calling vCPU's call buffer that is kept for it.
#pragma once

namespace guest {

[[gnu::format(printf, 1, 2)]] void print(const char *text, ...);

}  // namespace guest
