// SPDX-License-Identifier: Apache-2.0
//
// The most memory that was held at once since this object was made, as AddressSanitizer's allocator counts it. One at a
// time, of a target with one thread.
#pragma once

#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <cstddef>

class MemoryPeak {
  public:
    MemoryPeak() {
        [[maybe_unused]] static const int installed = __sanitizer_install_malloc_and_free_hooks(add, remove);
        held_ = most_ = 0;
    }

    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(most_); }

  private:
    static void add(const volatile void *, std::size_t size) {
        held_ += static_cast<std::ptrdiff_t>(size);
        most_ = std::max(most_, held_);
    }
    static void remove(const volatile void *block) {
        held_ -= static_cast<std::ptrdiff_t>(__sanitizer_get_allocated_size(block));
    }

    static inline std::ptrdiff_t held_ = 0;  // less than 0 when something older goes
    static inline std::ptrdiff_t most_ = 0;
};
