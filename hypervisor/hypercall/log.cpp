// SPDX-License-Identifier: Apache-2.0
//
// The hypervisor's log, for a domain that may read it.
#include "hypervisor/lib/log.hpp"

#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/hypercall/handlers.hpp"

#include <ringfold/console.h>

#include <algorithm>
#include <array>
#include <span>

namespace ringfold::hypercall {

Returns_value log_read(Vcpu &caller, uint64_t position, uint64_t offset, uint64_t length) {
    if (length > RINGFOLD_LOG_PART_MAX) {
        return Error::out_of_range;
    }
    TRY(caller.call_buffer.check(offset, sizeof(ringfold_log_part) + length));
    const uint64_t text = offset + sizeof(ringfold_log_part);
    std::array<char, 256> chunk;
    uint64_t done = 0;
    while (done < length) {
        const uint64_t wanted = std::min<uint64_t>(chunk.size(), length - done);
        const std::size_t copied = read_log(position, std::span{chunk}.first(wanted));
        TRY(caller.call_buffer.write_array(text + done, std::span<const char>{chunk}.first(copied)));
        done += copied;
        if (copied < wanted) {
            break;
        }
    }
    TRY(caller.call_buffer.write_object(offset, ringfold_log_part{.next = position, .length = done}));
    return done;
}

}  // namespace ringfold::hypercall
