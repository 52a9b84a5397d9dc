// SPDX-License-Identifier: Apache-2.0
// guest: memory=16M timeout=60
//
// memory_exchange gives frames back and gets as many others, contiguous and aligned, below a limit. Expected: eight
// single frames become one clear block of eight with consecutive numbers; the old ones are out of reach (EACCES), the
// domain owns as many as before. XSA-212: counts, orders and offsets that are too big or wrap are refused (ERANGE,
// EFAULT); a frame that stands twice, is in use, or is not the domain's (EFAULT, EBUSY) leaves all frames of its extent
// as they were.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr uint64_t order = 3;
constexpr uint64_t frames = 1ULL << order;
constexpr uint64_t get = 2048;  // call-buffer offset

PhysicalFrame prepare() {
    const PhysicalFrame first = allocate_frames(frames);
    for (uint64_t i = 0; i < frames; ++i) {
        store<uint64_t>(linear_address(PhysicalFrame{first.number + i}), 0x100 + i);
        map_page(linear_address(PhysicalFrame{first.number + i}), 0);
    }
    return first;
}

void write_list(PhysicalFrame first) {
    for (uint64_t i = 0; i < frames; ++i) {
        call_buffer<uint64_t>()[i] = machine_frame(PhysicalFrame{first.number + i}).number;
    }
    *call_buffer<uint64_t>(get) = first.number;
}

void check_unchanged(PhysicalFrame first) {
    for (uint64_t i = 0; i < frames; ++i) {
        map_page(window, entry_for(machine_frame(PhysicalFrame{first.number + i}), kernel_read_only));
        check_equal(load<uint64_t>(window), 0x100 + i, "a frame after a refusal");
    }
    map_page(window, 0);
}

void bad_numbers(PhysicalFrame first) {
    write_list(first);
    for (const uint64_t count : Words{513, 1ULL << 32, 1ULL << 58, 1ULL << 61, ~0ULL}) {
        check_result(exchange(0, get, count, order, 64), -RINGFOLD_ERANGE, 0, "a count");
    }
    check_result(exchange(0, get, 1, 10, 64), -RINGFOLD_ERANGE, 0, "order 10");
    check_result(exchange(0, get, 1, 64, 64), -RINGFOLD_ERANGE, 0, "order 64");
    check_result(exchange(0, get, 1, 0xffff'ffff, 64), -RINGFOLD_ERANGE, 0, "an order");
    check_result(exchange(0, get, 1, order, 11), -RINGFOLD_ERANGE, 0, "11 address bits");
    check_result(exchange(0, get, 1, order, 65), -RINGFOLD_ERANGE, 0, "65 address bits");
    check_result(exchange(0, get, 1, order, 12), -RINGFOLD_ENOMEM, 0, "12 address bits");
    for (const uint64_t offset : Words{call_buffer_size, call_buffer_size - 8, ~0ULL, ~0ULL - 63, 1ULL << 63}) {
        check_result(exchange(offset, get, 1, order, 64), -RINGFOLD_EFAULT, 0, "an offset of the list");
    }
    for (const uint64_t offset : Words{call_buffer_size, call_buffer_size - 7, ~0ULL, ~0ULL - 7}) {
        check_result(exchange(0, offset, 1, order, 64), -RINGFOLD_EFAULT, 0, "an offset of the result");
    }
    check_result(exchange(0, get, 512, 9, 64), -RINGFOLD_EFAULT, 0, "a list past the call buffer");
    check_equal(*call_buffer<uint64_t>(get), first.number, "the result");
}

void bad_frames(PhysicalFrame first) {
    const uint64_t used = machine_frame(allocate_frame()).number;
    struct Bad {
        uint64_t frame;
        int64_t status;
    };
    for (const Bad bad :
         {Bad{used, -RINGFOLD_EBUSY}, Bad{this_vcpu().root.number, -RINGFOLD_EBUSY},
          Bad{machine_frame(first).number, -RINGFOLD_EFAULT}, Bad{0, -RINGFOLD_EFAULT}, Bad{0xfee00, -RINGFOLD_EFAULT},
          Bad{1ULL << 61, -RINGFOLD_EFAULT}, Bad{~0ULL, -RINGFOLD_EFAULT}}) {
        write_list(first);
        call_buffer<uint64_t>()[frames - 1] = bad.frame;
        check_result(exchange(0, get, 1, order, 64), bad.status, 0, "a bad frame among good ones");
        check_equal(*call_buffer<uint64_t>(get), first.number, "the result");
    }
}

}  // namespace

void guest_main() {
    map_page(window, 0);
    const PhysicalFrame first = prepare();
    bad_numbers(first);
    bad_frames(first);
    check_unchanged(first);

    write_list(first);
    const MachineFrame old = machine_frame(first);
    check_result(exchange(0, get, 1, order, 32), 0, 1, "memory_exchange");
    const MachineFrame block{*call_buffer<uint64_t>(get)};
    check_equal(block.number % frames, 0, "alignment");
    check(block.number < 1ULL << (32 - 12), "frame 0x%lx is above 4 GiB", block.number);
    for (uint64_t i = 0; i < frames; ++i) {
        const MachineFrame each{block.number + i};
        check_equal(physical_frame(each).number, first.number + i, "the machine-to-physical table");
        map_page(window, entry_for(each, kernel_data));
        for (uint64_t offset = 0; offset < page_size; offset += 8) {
            check(load<uint64_t>(window + offset) == 0, "a frame that is not clear at %lu", offset);
        }
        store<uint64_t>(window, i);
    }
    map_page(window, 0);
    check_status(set_entry(find_slot(window).machine_address, entry_for(old, kernel_read_only)), -RINGFOLD_EACCES,
                 "a frame that was given back");
    *call_buffer<uint64_t>() = 0;
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_POPULATE, 0, 1, 0), -RINGFOLD_ENOMEM,
                 "the domain is at its maximum as before");
}
