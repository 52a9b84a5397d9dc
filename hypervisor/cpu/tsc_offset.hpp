// SPDX-License-Identifier: Apache-2.0
//
// Do two processors' time-stamp counters agree? One sends, the other answers with its own count, the first notes when
// the answer came: the other's count was taken somewhere between. The tightest of many such exchanges decides.
#pragma once

#include <cstdint>

namespace ringfold {

struct TscExchange {
    uint64_t sent = 0;
    uint64_t remote = 0;
    uint64_t received = 0;

    [[nodiscard]] constexpr uint64_t width() const { return received - sent; }
};

class TscOffset {
  public:
    constexpr void add(const TscExchange &exchange) {
        if (!any_ || exchange.width() < tightest_.width()) {
            tightest_ = exchange;
            any_ = true;
        }
    }

    // How far the other counter is ahead, give or take uncertainty().
    [[nodiscard]] constexpr int64_t ahead() const {
        return static_cast<int64_t>(tightest_.remote - (tightest_.sent + tightest_.width() / 2));
    }
    [[nodiscard]] constexpr uint64_t uncertainty() const { return tightest_.width() / 2 + 1; }

    // No difference can be told.
    [[nodiscard]] constexpr bool in_step() const {
        const int64_t difference = ahead();
        const auto magnitude = static_cast<uint64_t>(difference < 0 ? -difference : difference);
        return magnitude <= uncertainty();
    }

  private:
    TscExchange tightest_{};
    bool any_ = false;
};

}  // namespace ringfold
