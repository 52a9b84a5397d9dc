// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// shutdown with a reason or code that does not exist is refused with EINVAL and the domain goes on. A register that
// does not fit its 32-bit argument is refused with ERANGE, in this call and others: nothing is cut off silently. yield
// and version answer as documented.
#include "framework/guest.hpp"

using namespace guest;

void guest_main() {
    constexpr uint64_t power_off = 0;
    for (const uint64_t reason : Words{3, 4, 0x100, 0x7fff'ffff, 0xffff'ffff}) {
        check_status(hypercall(RINGFOLD_HYPERCALL_SHUTDOWN, reason, 0), -RINGFOLD_EINVAL, "no such reason");
    }
    for (const uint64_t code : Words{256, 257, 0x100, 0x1'0000, 0xffff'ffff}) {
        check_status(hypercall(RINGFOLD_HYPERCALL_SHUTDOWN, power_off, code), -RINGFOLD_EINVAL, "a code above 255");
    }
    for (const uint64_t upper_half : Words{1ULL << 32, 0xdead'0000'0000, 1ULL << 63}) {
        check_status(hypercall(RINGFOLD_HYPERCALL_SHUTDOWN, power_off | upper_half, 0), -RINGFOLD_ERANGE,
                     "a wide reason");
        check_status(hypercall(RINGFOLD_HYPERCALL_SHUTDOWN, power_off, upper_half), -RINGFOLD_ERANGE, "a wide code");
        check_status(version(0 | upper_half), -RINGFOLD_ERANGE, "a wide query");
        check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, upper_half), -RINGFOLD_ERANGE, "a wide vCPU number");
        check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, upper_half), -RINGFOLD_ERANGE, "a wide vCPU number");
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_YIELD), 0, "yield");
    check_result(version(0), 0, RINGFOLD_ABI_VERSION, "version");
    const Result build = version(2);
    check(build.ok() && build.value != 0, "the build id: status %ld value 0x%lx", build.status, build.value);
}
