// SPDX-License-Identifier: Apache-2.0
//
// The hypervisor's log, for a domain that may read it.
#include "hypervisor/lib/log.hpp"

#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/hypercall/log_part.hpp"

namespace ringfold::hypercall {

Returns_value log_read(Vcpu &caller, uint64_t position, uint64_t offset, uint64_t length) {
    return write_log_part(caller, position, offset, length, read_log);
}

}  // namespace ringfold::hypercall
