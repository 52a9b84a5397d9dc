// SPDX-License-Identifier: Apache-2.0
//
// Machine memory for unit tests: address space from machine address 0 on that costs memory only where it is touched.
#pragma once

#include "hypervisor/mm/machine_memory.hpp"

#include <sys/mman.h>

#include <cstdlib>

namespace ringfold::test {

class FakeMachineMemory {
  public:
    explicit FakeMachineMemory(FrameCount size) : bytes_(size.bytes()) {
        void *memory =
            mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            std::abort();
        }
        memory_ = static_cast<std::byte *>(memory);
        previous_ = hosted::machine_memory;
        hosted::machine_memory = memory_;
    }
    FakeMachineMemory(const FakeMachineMemory &) = delete;
    FakeMachineMemory &operator=(const FakeMachineMemory &) = delete;
    ~FakeMachineMemory() {
        hosted::machine_memory = previous_;
        munmap(memory_, bytes_);
    }

  private:
    uint64_t bytes_;
    std::byte *memory_ = nullptr;
    std::byte *previous_ = nullptr;
};

}  // namespace ringfold::test
