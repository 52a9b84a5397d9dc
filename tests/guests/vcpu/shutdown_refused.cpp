// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// shutdown with a reason or code that does not exist is refused with EINVAL and the domain goes on; the upper halves of its
// 32-bit arguments are ignored. yield and version answer as documented.
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
    check_status(hypercall(RINGFOLD_HYPERCALL_SHUTDOWN, 0xabcd'0000'0003, 0), -RINGFOLD_EINVAL, "a reason with an upper half");
    check_status(hypercall(RINGFOLD_HYPERCALL_YIELD), 0, "yield");
    check_result(version(0), 0, RINGFOLD_ABI_VERSION, "version");
    check_result(hypercall(RINGFOLD_HYPERCALL_VERSION, 0xdead'0000'0000), 0, RINGFOLD_ABI_VERSION, "version, upper half ignored");
    const Result build = version(2);
    check(build.ok() && build.value != 0, "the build id: status %ld value 0x%lx", build.status, build.value);
}
