// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x90 hosts=qemu,bochs
//
// Who may use hardware may map device memory, with any caching; but not the interrupt controllers, which could be told
// to interrupt the hypervisor with anything, and no RAM of others by that way. Expected: the HPET's registers can be
// read through a mapping, cached or not; the local APIC, the IO-APIC and the hypervisor's RAM are refused, and what was
// mapped there before stays; RAM of the domain's own cannot be mapped uncached, and no big page of devices.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t probe = 0x4000'0000;
constexpr MachineFrame hpet{0xfed00};
constexpr MachineFrame io_apic{0xfec00};
constexpr MachineFrame local_apic{0xfee00};
constexpr MachineFrame firmware{0xff};
constexpr uint64_t uncached = RINGFOLD_ENTRY_CACHE_DISABLE | RINGFOLD_ENTRY_WRITE_THROUGH;

void check_refused(MachineFrame frame, uint64_t flags, const char *what) {
    const Slot slot = find_slot(probe);
    check_status(set_entry(slot.machine_address, entry_for(frame, flags)), -RINGFOLD_EACCES, what);
    check_equal(find_slot(probe).value & ~(RINGFOLD_ENTRY_ACCESSED | RINGFOLD_ENTRY_DIRTY),
                slot.value & ~(RINGFOLD_ENTRY_ACCESSED | RINGFOLD_ENTRY_DIRTY), "the entry afterwards");
}

}  // namespace

void guest_main() {
    map_page(probe, entry_for(hpet, kernel_data | uncached));
    const auto identity = load<uint64_t>(probe);
    check(identity >> 16 != 0 && identity != ~0ULL, "the HPET says 0x%lx", identity);
    map_page(probe, entry_for(hpet, kernel_read_only | RINGFOLD_ENTRY_CACHE_DISABLE));
    check_equal(load<uint64_t>(probe), identity, "read-only, cache disabled");
    map_page(probe, entry_for(firmware, kernel_read_only));
    check(load<uint64_t>(probe + 0xff0) != 0, "the reset vector, through a cached mapping");

    for (const uint64_t flags : Words{kernel_data | uncached, kernel_read_only | uncached, user_read_only}) {
        check_refused(local_apic, flags, "the local APIC");
        check_refused(io_apic, flags, "the IO-APIC");
        check_refused(MachineFrame{0x100}, flags, "the hypervisor's image");
        check_refused(machine_frame(allocate_frame()), flags | uncached, "own RAM, uncached");
    }
    const Slot upper = find_slot(probe, 2);
    check_status(set_entry(upper.machine_address, entry_for(MachineFrame{0xfec00}, kernel_data | RINGFOLD_ENTRY_BIG)),
                 -RINGFOLD_EACCES, "a big page of devices");
    check(is_present(find_slot(probe).value), "the table is still there");
}
