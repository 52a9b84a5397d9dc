// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x90 hosts=qemu,bochs
//
// Ports fault in ring 1; who may use hardware asks for them by hypercall, but for those of the devices that the
// hypervisor drives itself. Expected: a byte of the battery-backed memory keeps what is written; accesses that touch
// one of the hypervisor's ports with any of their bytes, of a width that there is not, or past the last port are
// refused.
#include "framework/guest.hpp"

#include <ringfold/platform.h>

using namespace guest;

namespace {

constexpr uint64_t index_port = 0x70;
constexpr uint64_t data_port = 0x71;
constexpr uint64_t spare_byte = 0x50;  // behind what the firmware uses

Result read_port(uint64_t port, uint64_t width) { return hypercall(RINGFOLD_HYPERCALL_PORT_READ, port, width); }
Result write_port(uint64_t port, uint64_t width, uint64_t value) {
    return hypercall(RINGFOLD_HYPERCALL_PORT_WRITE, port, width, value);
}

void check_refused(uint64_t port, uint64_t width, int64_t status) {
    const Result read = read_port(port, width);
    check(read.status == status && read.value == 0, "read of %lu at 0x%lx: %ld", width, port, read.status);
    const Result written = write_port(port, width, 0);
    check(written.status == status, "write of %lu at 0x%lx: %ld", width, port, written.status);
}

}  // namespace

void guest_main() {
    for (const uint64_t value : Words{0x5a, 0xa5, 0xffff'ff00}) {
        check_status(write_port(index_port, RINGFOLD_PORT_BYTE, spare_byte), 0, "the index");
        check_status(write_port(data_port, RINGFOLD_PORT_BYTE, value), 0, "the byte");
        check_status(write_port(index_port, RINGFOLD_PORT_BYTE, spare_byte), 0, "the index");
        check_result(read_port(data_port, RINGFOLD_PORT_BYTE), 0, value & 0xff, "the byte");
    }
    for (const uint64_t port : Words{0x20, 0x21, 0xa0, 0xa1, 0x40, 0x43, 0x3f8, 0x3ff}) {
        check_refused(port, RINGFOLD_PORT_BYTE, -RINGFOLD_EACCES);
    }
    check_refused(0x3f7, RINGFOLD_PORT_WORD, -RINGFOLD_EACCES);
    check_refused(0x3f5, RINGFOLD_PORT_DOUBLE_WORD, -RINGFOLD_EACCES);
    check_refused(0x3d, RINGFOLD_PORT_DOUBLE_WORD, -RINGFOLD_EACCES);
    for (const uint64_t width : Words{0, 3, 5, 8, 0xffff'ffff}) {
        check_refused(index_port, width, -RINGFOLD_EINVAL);
    }
    check_refused(0xffff, RINGFOLD_PORT_WORD, -RINGFOLD_ERANGE);
    check_refused(0xfffd, RINGFOLD_PORT_DOUBLE_WORD, -RINGFOLD_ERANGE);
    check_refused(0x1'0000, RINGFOLD_PORT_BYTE, -RINGFOLD_ERANGE);
    check_refused(0xffff'ffff, RINGFOLD_PORT_BYTE, -RINGFOLD_ERANGE);
    check_result(read_port(0xffff, RINGFOLD_PORT_BYTE), 0, 0xff, "the last port, where there is no device");
}
