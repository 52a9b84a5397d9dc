// SPDX-License-Identifier: Apache-2.0
// guest: memory=4M beside=hello timeout=40 hosts=qemu
//
// A domain maps its own frames only. Every machine frame number of a 128 MiB machine and some beyond that is not in the
// domain's own table (the hypervisor's image and gate, free frames, the other domain's, device memory, nobody's) is
// tried: mapped read-only, writable, as a table, pinned, as root, as call buffer, released. Expected: each is refused,
// with EACCES where an entry names it and EFAULT where an argument does, and the entry stays 0.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr uint64_t machine_frames = 128 * 256;
constexpr uint64_t thorough_stride = 61;  // a prime: every kind of frame is met
constexpr uint64_t beyond[] = {0xfec00, 0xfee00, 0xfed00, 1ULL << 20, (1ULL << 27) - 1, 1ULL << 28, (1ULL << 40) - 1};

constinit uint64_t own[machine_frames / 64] = {};

bool is_own(uint64_t number) { return number < machine_frames && (own[number / 64] >> number % 64 & 1) != 0; }

void try_mapping(MachineFrame frame, uint64_t slot) {
    const Result result = set_entry(slot, entry_for(frame, kernel_read_only));
    check(result.status == -RINGFOLD_EACCES && result.value == 0, "mapping frame 0x%lx: status %ld", frame.number,
          result.status);
}

void try_everything(MachineFrame frame, uint64_t slot, uint64_t table_slot) {
    check_status(set_entry(slot, entry_for(frame, user_data)), -RINGFOLD_EACCES, "mapping it writable");
    check_status(set_entry(table_slot, entry_for(frame, table_flags)), -RINGFOLD_EACCES, "linking it as a table");
    check_status(pin(frame, 1), -RINGFOLD_EFAULT, "pinning it as L1");
    check_status(pin(frame, 4), -RINGFOLD_EFAULT, "pinning it as L4");
    check_status(load_root(frame), -RINGFOLD_EFAULT, "loading it");
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_CALL_BUFFER_SET, 5, frame.number), -RINGFOLD_EFAULT,
                 "making it a call buffer");
    check_status(set_entry(entry_address(frame, 0), 0), -RINGFOLD_EFAULT, "setting an entry in it");
    *call_buffer<uint64_t>() = frame.number;
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), -RINGFOLD_EFAULT, "releasing it");
}

}  // namespace

void guest_main() {
    for (uint64_t i = 0; i < start_info().frame_count; ++i) {
        const uint64_t number = machine_frame({i}).number;
        check(number < machine_frames, "machine frame 0x%lx of a 128 MiB machine", number);
        own[number / 64 % (machine_frames / 64)] |= 1ULL << number % 64;
    }
    map_page(window, 0);
    const uint64_t slot = find_slot(window).machine_address;
    const uint64_t table_slot = find_slot(window + big_page_size, 2).machine_address;
    for (uint64_t number = 0; number < machine_frames; ++number) {
        if (is_own(number)) {
            continue;
        }
        try_mapping({number}, slot);
        if (number % thorough_stride == 0) {
            try_everything({number}, slot, table_slot);
        }
    }
    for (const uint64_t number : beyond) {
        try_mapping({number}, slot);
        try_everything({number}, slot, table_slot);
    }
    check_equal(find_slot(window).value, 0, "the entry");
    check_equal(find_slot(window + big_page_size, 2).value, 0, "the table entry");
}
