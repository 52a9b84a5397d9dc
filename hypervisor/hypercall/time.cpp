// SPDX-License-Identifier: Apache-2.0
//
// The time of day. System time needs no hypercall: it is in the vCPU page.
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/platform/wall_clock.hpp"

namespace ringfold::hypercall {

Returns_value wall_clock_get(Vcpu &) { return wall_clock_base(); }

Returns_nothing wall_clock_set(Vcpu &, uint64_t nanoseconds) {
    constexpr uint64_t latest = uint64_t{1} << 62;  // system time added to it still fits
    if (nanoseconds > latest) {
        return Error::out_of_range;
    }
    set_wall_clock_base(nanoseconds);
    return {};
}

}  // namespace ringfold::hypercall
