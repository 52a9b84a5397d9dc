// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=1 memory=16M timeout=20 hosts=qemu,bochs
//
// A guest starts in ring 1 with a start-info page that tells the truth, and its console works.
// Expected: magic, version and command line as documented, CS 0x11, SS 0x19, IF 1 and IOPL 0, the virtual interrupt
// flag 0, and an ABI version that the hypercall and the page agree on.
#include "framework/guest.hpp"

using namespace guest;

void guest_main() {
    const ringfold_start_info &info = start_info();
    print("hello from ring 1, domain %u: %lu frames, %u vCPUs, \"%s\"\n", info.domain_id, info.frame_count,
          info.vcpu_count, info.command_line);

    check_equal(info.magic, RINGFOLD_START_INFO_MAGIC, "magic");
    check_equal(info.abi_version, RINGFOLD_ABI_VERSION, "ABI version of the page");
    check_equal(info.frame_count, 16 * 256, "frames of a 16 MiB domain");
    check_equal(info.vcpu_count, 1, "vCPUs");
    check(info.domain_id >= 1, "domain id is 0");

    uint64_t cs = 0;
    uint64_t ss = 0;
    asm volatile("movq %%cs, %0\n\tmovq %%ss, %1" : "=r"(cs), "=r"(ss));
    check_equal(cs, RINGFOLD_KERNEL_CS, "CS");
    check_equal(ss, RINGFOLD_KERNEL_DS, "SS");
    check_equal(read_flags() & (flag_interrupt | flag_io_privilege | flag_trap | flag_direction), flag_interrupt,
                "RFLAGS");
    check_equal(vcpu_page().interrupt_flag, 0, "virtual interrupt flag");
    check_equal(vcpu_page().vcpu_id, 0, "vCPU number in the page");
    check_equal(vcpu_page().state, RINGFOLD_VCPU_RUNNING, "state in the page");

    check_result(version(0), 0, RINGFOLD_ABI_VERSION, "version(0)");
    check_result(version(1), 0, info.flags, "version(1): the feature bits of the start-info page");
    check_status(version(3), -RINGFOLD_EINVAL, "version(3)");
}
