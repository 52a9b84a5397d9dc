// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/trace/branch.hpp"

namespace ringfold::trace {

#ifdef RINGFOLD_HOST
constinit std::atomic<uint32_t> branches_taken = 0;
#endif

BranchBytes encode_branch(uint64_t from, uint64_t to, bool taken) {
    if (!taken) {
        return {0x0f, 0x1f, 0x44, 0x00, 0x00};
    }
    const uint64_t distance = to - (from + branch_size);
    BranchBytes bytes{0xe9};
    for (std::size_t index = 1; index < branch_size; ++index) {
        bytes[index] = static_cast<uint8_t>(distance >> (8 * (index - 1)));
    }
    return bytes;
}

}  // namespace ringfold::trace
