// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x83 beside=hello
//
// Who may control a domain is told which of its frames are page tables. Expected: the exact type of each frame of a
// child while it runs, and of the caller's own. Attack: frames of the caller, of another domain and of nobody as if
// they were the child's, more than one call may name, a buffer that is not there. Expected: the exact error and
// progress, what comes before is told, and no other word of the buffer is written: of a frame that is not the domain's,
// nothing is learnt.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <ringfold/debug.h>

using namespace guest;

namespace {

constexpr uint64_t most = RINGFOLD_DOMAIN_FRAME_TYPES_MAX;

Result types(uint64_t domain, uint64_t offset, uint64_t count) {
    return hypercall(RINGFOLD_HYPERCALL_DOMAIN_FRAME_TYPES, domain, offset, count);
}

void name(const Child &child) {
    for (unsigned page = 0; page < Child::pages; ++page) {
        call_buffer<uint64_t>()[page] = child.frames[page].number;
    }
}

void check_types(const Child &child, const Words &expected, const char *when) {
    name(child);
    check_result(types(child.id, 0, Child::pages), 0, Child::pages, when);
    unsigned page = 0;
    for (const uint64_t type : expected) {
        check(call_buffer<uint64_t>()[page] == type, "%s: page %u has type %lu, not %lu", when, page,
              call_buffer<uint64_t>()[page], type);
        ++page;
    }
}

// In place of one of its frames.
void check_foreign(const Child &child, uint64_t frame, const char *what) {
    name(child);
    call_buffer<uint64_t>()[2] = frame;
    check_result(types(child.id, 0, Child::pages), -RINGFOLD_EFAULT, 2, what);
    check_equal(call_buffer<uint64_t>()[1], RINGFOLD_FRAME_L3, what);
    check_equal(call_buffer<uint64_t>()[2], frame, what);
    check_equal(call_buffer<uint64_t>()[3], child.frames[3].number, what);
}

}  // namespace

void guest_main() {
    const Child unborn = create_child();
    constexpr uint64_t none = RINGFOLD_FRAME_NONE;
    check_types(unborn, {none, none, none, none, none, none, none, none}, "frames that nothing uses");
    check_status(destroy_domain(unborn.id), 0, "destroying it");

    const Child child = run_child(child_blocks_for_ever);
    constexpr uint64_t writable = RINGFOLD_FRAME_WRITABLE;
    check_types(child,
                {RINGFOLD_FRAME_L4, RINGFOLD_FRAME_L3, RINGFOLD_FRAME_L2, RINGFOLD_FRAME_L1, none, writable, writable,
                 writable},
                "frames of a child that runs");
    check_foreign(child, machine_frame_at(call_buffer_bytes()).number, "a frame of the caller's");
    check_foreign(child, 0, "a frame of the hypervisor's");
    check_foreign(child, ~0ULL, "a frame that there is not");
    check_foreign(child, 1ULL << 40, "a frame behind all memory");

    call_buffer<uint64_t>()[0] = child.frames[0].number;
    check_result(types(RINGFOLD_DOMAIN_SELF, 0, 1), -RINGFOLD_EFAULT, 0, "a frame of the child's as one's own");
    call_buffer<uint64_t>()[0] = start_info().root;
    check_result(types(RINGFOLD_DOMAIN_SELF, 0, 1), 0, 1, "one's own root");
    check_equal(call_buffer<uint64_t>()[0], RINGFOLD_FRAME_L4, "the type of one's own root");

    check_status(types(4000, 0, 1), -RINGFOLD_ENOENT, "of nobody");
    check_result(types(child.id, 0, most + 1), -RINGFOLD_ERANGE, 0, "more than one call may name");
    check_result(types(child.id, ~0ULL - 7, 2), -RINGFOLD_EFAULT, 0, "a buffer that is not there");
    check_result(types(child.id, 0, 0), 0, 0, "no frame");
    check_status(destroy_domain(child.id), 0, "destroying it");
    check_status(types(child.id, 0, 0), -RINGFOLD_ENOENT, "of one that is gone");
}
