// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x83
//
// What domain control refuses: malformed configurations, limits, rights that the creator does not hold, domains that
// do not exist or are the caller itself, a second start, memory beyond the maximum, bytes past the end of a frame or of
// the call buffer, frames of somebody else, page tables as targets. Expected: the exact error each time, and a child
// that still starts and ends well afterwards.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <cstring>

using namespace guest;

namespace {

constexpr uint32_t nobody = 4000;

void refuse(int64_t error, const char *what, void (*change)(ringfold_domain_configuration &)) {
    ringfold_domain_configuration configuration = configuration_of({});
    change(configuration);
    check_status(create_domain(configuration), -error, what);
}

void check_configurations() {
    refuse(RINGFOLD_EINVAL, "no name", [](auto &c) { c.name[0] = '\0'; });
    refuse(RINGFOLD_EINVAL, "a name without end", [](auto &c) { std::memset(c.name, 'x', sizeof c.name); });
    refuse(RINGFOLD_EINVAL, "a line break in the name", [](auto &c) { c.name[1] = '\n'; });
    refuse(RINGFOLD_EINVAL, "a blank in the name", [](auto &c) { c.name[0] = ' '; });
    refuse(RINGFOLD_EINVAL, "reserved", [](auto &c) { c.reserved = 1; });
    refuse(RINGFOLD_EINVAL, "an unknown flag", [](auto &c) { c.flags = RINGFOLD_DOMAIN_FLAGS_ALL + 1; });
    refuse(RINGFOLD_ERANGE, "no memory", [](auto &c) { c.maximum_frames = 0; });
    refuse(RINGFOLD_ERANGE, "too much memory", [](auto &c) { c.maximum_frames = (1ULL << 40) + 1; });
    refuse(RINGFOLD_ERANGE, "no vCPU", [](auto &c) { c.vcpu_count = 0; });
    refuse(RINGFOLD_ERANGE, "65 vCPUs", [](auto &c) { c.vcpu_count = RINGFOLD_MAX_VCPUS + 1; });
    refuse(RINGFOLD_ERANGE, "CPU 64", [](auto &c) { c.first_cpu = 64; });
    refuse(RINGFOLD_EPERM, "a right that the creator lacks", [](auto &c) { c.rights = RINGFOLD_RIGHT_MACHINE; });
    refuse(RINGFOLD_EPERM, "a right that does not exist", [](auto &c) { c.rights = 1ULL << 63; });
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_CREATE, call_buffer_size), -RINGFOLD_EFAULT, "outside the buffer");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_CREATE, ~0ULL), -RINGFOLD_EFAULT, "an offset that wraps");
}

void check_names_of_domains() {
    const uint32_t self = start_info().domain_id;
    for (const uint64_t number : {RINGFOLD_HYPERCALL_DOMAIN_DESTROY, RINGFOLD_HYPERCALL_DOMAIN_SHUTDOWN,
                                  RINGFOLD_HYPERCALL_DOMAIN_START, RINGFOLD_HYPERCALL_DOMAIN_MAXIMUM_SET}) {
        check_status(hypercall(number, self, 1), -RINGFOLD_EINVAL, "oneself by number");
        check_status(hypercall(number, RINGFOLD_DOMAIN_SELF, 1), -RINGFOLD_EINVAL, "oneself");
        check_status(hypercall(number, nobody, 1), -RINGFOLD_ENOENT, "nobody");
        check_status(hypercall(number, 0, 1), -RINGFOLD_ENOENT, "domain 0");
        check_status(hypercall(number, 0xfff0, 1), -RINGFOLD_ENOENT, "the hypervisor");
        check_status(hypercall(number, 0x10001, 1), -RINGFOLD_ENOENT, "a number that would be cut to 1");
        check_status(hypercall(number, 1ULL << 32, 1), -RINGFOLD_ERANGE, "a number of 33 bits");
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE, nobody, 0), -RINGFOLD_ENOENT, "describing nobody");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE, RINGFOLD_DOMAIN_SELF, call_buffer_size),
                 -RINGFOLD_EFAULT, "a description outside the buffer");
}

Result copy(const Child &child, ringfold_domain_copy_element element, uint64_t direction = RINGFOLD_DOMAIN_COPY_IN) {
    *call_buffer<ringfold_domain_copy_element>() = element;
    const ringfold_hypercall_result result = ringfold_domain_copy(child.id, static_cast<uint32_t>(direction), 0, 1);
    return {result.status, result.value};
}

void check_copies(const Child &child) {
    const uint64_t frame = child.frames[Child::buffer].number;
    const uint64_t own = machine_frame_at(call_buffer_bytes()).number;
    check_status(copy(child, {frame, 512, 1, 4096}), -RINGFOLD_ERANGE, "past the end of the frame");
    check_status(copy(child, {frame, 512, 4097, 0}), -RINGFOLD_ERANGE, "behind the end of the frame");
    check_status(copy(child, {frame, 512, 0xffffffff, 1}), -RINGFOLD_ERANGE, "an offset that wraps");
    check_status(copy(child, {frame, 512, 1, 0xffffffff}), -RINGFOLD_ERANGE, "a length that wraps");
    check_status(copy(child, {frame, call_buffer_size - 1, 0, 2}), -RINGFOLD_EFAULT, "past the end of the buffer");
    check_status(copy(child, {frame, ~0ULL, 0, 2}), -RINGFOLD_EFAULT, "a buffer offset that wraps");
    check_status(copy(child, {own, 512, 0, 8}), -RINGFOLD_EFAULT, "a frame of the caller's");
    check_status(copy(child, {~0ULL, 512, 0, 8}), -RINGFOLD_EFAULT, "a frame of nobody");
    check_status(copy(child, {own, 512, 0, 8}, RINGFOLD_DOMAIN_COPY_OUT), -RINGFOLD_EFAULT, "the caller's, out");
    check_status(copy(child, {frame, 512, 0, 8}, 2), -RINGFOLD_EINVAL, "no such direction");
    const ringfold_hypercall_result many = ringfold_domain_copy(child.id, 0, 0, RINGFOLD_DOMAIN_COPY_MAX + 1);
    check_status({many.status, many.value}, -RINGFOLD_ERANGE, "too many elements");
    check_result(copy(child, {frame, 512, 0, 0}), 0, 1, "nothing at all");
}

}  // namespace

void guest_main() {
    check_configurations();
    check_names_of_domains();
    const Child child = create_child();
    check_copies(child);
    check_status({populate_domain(child.id, 1).status, 0}, -RINGFOLD_ENOMEM, "memory beyond the maximum");
    fill_child(child);
    ringfold_vcpu_context context = child_context(child, child_powers_off, 3);
    context.reserved = 1;
    check_status(start_child(child, context), -RINGFOLD_EINVAL, "reserved");
    context.reserved = 0;
    context.rip = 0x8000'0000'0000'0000;
    check_status(start_child(child, context), -RINGFOLD_EACCES, "a RIP that is not canonical");
    context = child_context(child, child_powers_off, 3);
    context.root = machine_frame_at(call_buffer_bytes()).number;
    check_status(start_child(child, context), -RINGFOLD_EFAULT, "a root of the caller's");
    context = child_context(child, child_powers_off, 3);
    check_status(start_child(child, context), 0, "a good start after all that");
    check_status(start_child(child, context), -RINGFOLD_EBUSY, "a second start");
    check_result(copy(child, {child.frames[Child::l1].number, 512, 0, 8}), -RINGFOLD_EBUSY, 0, "into a page table");
    check_equal(await_domain_state(child.id, RINGFOLD_DOMAIN_ENDED).shutdown_code, 3, "exit code");
    check_status(start_child(child, context), -RINGFOLD_EBUSY, "a start after the end");
    check_status(destroy_domain(child.id), 0, "domain_destroy");
}
