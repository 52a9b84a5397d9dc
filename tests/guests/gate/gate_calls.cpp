// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// The gate calls drop translations of this CPU. A page is read through a mapping that is then pointed at another frame:
// after the gate call the new frame must be read, in the user's half and in the kernel's. INVALIDATE_PAGE with odd
// addresses (non-canonical, in slot 256) is harmless: INVLPG ignores what it cannot use (Intel SDM volume 2, INVLPG),
// and the gate's own pages stay usable.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t user_window = 0x0000'0000'0100'0000;
constexpr uint64_t kernel_window = 0xffff'c000'0000'0000;

constexpr uint64_t odd_addresses[] = {
    0,
    0x0000'7fff'ffff'ffff,
    0x0000'8000'0000'0000,
    0xffff'7fff'ffff'ffff,
    0xffff'8000'0000'0000,
    0xffff'8000'0001'0000,
    0xffff'8000'0004'0000,
    RINGFOLD_VCPU_PAGE_ADDRESS,
    ~uint64_t{0},
};

struct Pair {
    MachineFrame first;
    MachineFrame second;
};

Pair marked_frames() {
    const PhysicalFrame first = allocate_frame();
    const PhysicalFrame second = allocate_frame();
    store<uint64_t>(linear_address(first), 1);
    store<uint64_t>(linear_address(second), 2);
    return {machine_frame(first), machine_frame(second)};
}

// Reads the window, changes the mapping behind it, calls, reads again.
template <typename GateCall>
void check_drops(const Pair &frames, uint64_t window, GateCall call, const char *what) {
    map_page(window, entry_for(frames.first, user_data));
    check_equal(load<uint64_t>(window), 1, what);
    check_result(set_entry(find_slot(window).machine_address, entry_for(frames.second, user_data)), 0, 1, what);
    check_status(call(), 0, what);
    check_equal(load<uint64_t>(window), 2, what);
}

}  // namespace

void guest_main() {
    const Pair frames = marked_frames();
    for (const uint64_t window : {user_window, kernel_window}) {
        check_drops(
            frames, window, [=] { return hypercall(RINGFOLD_GATE_INVALIDATE_PAGE, window); }, "invalidate the page");
        check_drops(
            frames, window, [=] { return hypercall(RINGFOLD_GATE_INVALIDATE_PAGE, window + 0x123); },
            "by an address within it");
        check_drops(
            frames, window, [] { return hypercall(RINGFOLD_GATE_FLUSH); }, "flush");
    }
    for (const uint64_t address : odd_addresses) {
        check_status(hypercall(RINGFOLD_GATE_INVALIDATE_PAGE, address), 0, "an odd address");
        check_equal(vcpu_page().vcpu_id, 0, "the vCPU page is still there");
    }
}
