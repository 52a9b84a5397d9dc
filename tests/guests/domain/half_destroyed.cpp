// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x83 memory=16M machine=256
//
// Destroying a domain takes several calls, and who makes them may end in between. Here the only controller begins to
// destroy a domain of 96 MiB and ends before it is done. Expected: idle CPUs take the rest of it apart, and the machine
// powers off. (The domain was nobody's, and stayed for ever.)
#include "framework/child.hpp"
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t extents = 48;

}  // namespace

void guest_main() {
    const Result created =
        create_domain(configuration_of({.name = "big", .maximum_frames = extents * frames_per_extent}));
    check_status({created.status, 0}, 0, "domain_create");
    const auto domain = static_cast<uint32_t>(created.value);
    check_result(populate_domain(domain, extents, 9), 0, extents, "domain_populate");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_DESTROY, domain), -RINGFOLD_EAGAIN,
                 "the first call to destroy it");
    ringfold_domain_info info{};
    check_status(read_domain_info(domain, info), 0, "domain_describe");
    check(info.owned_frames > 0, "it has frames left");
}
