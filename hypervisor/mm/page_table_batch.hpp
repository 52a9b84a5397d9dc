// SPDX-License-Identifier: Apache-2.0
//
// The page-table batch of the ABI (abi/include/ringfold/page_table.h).
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/domain_memory.hpp"
#include "hypervisor/mm/held_frames.hpp"

#include <ringfold/page_table.h>

#include <cstdint>
#include <span>

namespace ringfold {

enum class RootCaching : uint8_t { flush, keep };
enum class FlushScope : uint8_t { local, vcpus, all };

struct FlushRequest {
    FlushScope scope;
    uint64_t vcpus;        // FlushScope::vcpus: bit n = vCPU n
    GuestAddress address;  // page-aligned, canonical
    uint64_t pages;        // 4 KiB pages from `address` on; 0: everything, all roots
};

// What a batch asks of the calling vCPU. Called without the page-table lock.
struct VcpuActions {
    void *context;
    // The vCPU runs on `root` from now on; the reference to its old root is dropped.
    void (*load_root)(void *context, TypeReference root, RootCaching caching);
    // Done when it returns.
    void (*flush)(void *context, const FlushRequest &request);
};

struct BatchResult {
    uint64_t done;        // operations done
    Result<void> result;  // why the next one was not; again: preempted
};

// `operations` is the caller's own copy: nobody else changes it meanwhile. What an exchange found is written to it.
BatchResult apply_page_table_batch(DomainMemory &memory, std::span<ringfold_page_table_operation> operations,
                                   const VcpuActions &actions);

}  // namespace ringfold
