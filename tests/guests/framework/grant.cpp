// SPDX-License-Identifier: Apache-2.0
#include "framework/grant.hpp"

#include "framework/call_buffer.hpp"
#include "framework/memory.hpp"
#include "framework/verdict.hpp"

namespace guest {
namespace {

// Applies a batch call to one element at call-buffer offset 0.
template <typename Element>
Element apply_one(uint64_t number, const Element &element, const char *what) {
    *call_buffer<Element>() = element;
    const Result result = hypercall_to_its_end(number, 0, 1);
    if (result.status != 0 || result.value != 1) {
        fatal_failure("%s: status %ld, progress %lu", what, result.status, result.value);
    }
    return *call_buffer<Element>();
}

}  // namespace

volatile ringfold_grant_entry *add_grant_page(uint32_t index) {
    const PhysicalFrame page = allocate_frame();
    if (const Result result = set_grant_page(index, machine_frame(page).number); !result.ok()) {
        fatal_failure("grant_table_set: status %ld", result.status);
    }
    return reinterpret_cast<volatile ringfold_grant_entry *>(linear_address(page));
}

void grant(volatile ringfold_grant_entry &entry, uint32_t domain, MachineFrame frame, uint32_t flags) {
    entry.frame = frame.number;
    __atomic_store_n(&entry.control, grant_control(domain, flags), __ATOMIC_RELEASE);
}

bool revoke(volatile ringfold_grant_entry &entry) {
    uint32_t old = __atomic_load_n(&entry.control, __ATOMIC_ACQUIRE);
    // Success: nobody has used the entry since it was read, and nobody can from now on. Failure: somebody began to.
    return (old & grant_in_use) == 0 &&
           __atomic_compare_exchange_n(&entry.control, &old, 0U, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

Result set_grant_page(uint32_t index, uint64_t frame) {
    return hypercall_to_its_end(RINGFOLD_HYPERCALL_GRANT_TABLE_SET, index, frame);
}

ringfold_grant_info grant_info() {
    check_status(hypercall(RINGFOLD_HYPERCALL_GRANT_DESCRIBE, 0), 0, "grant_describe");
    return *call_buffer<ringfold_grant_info>();
}

ringfold_grant_map_element map_grant(uint32_t domain, uint32_t reference, uint16_t flags) {
    ringfold_grant_map_element element{};
    element.domain = static_cast<uint16_t>(domain);
    element.flags = flags;
    element.reference = reference;
    element.frame = 0xa5a5;
    element.handle = 0xa5a5;
    element.status = 1;
    element = apply_one(RINGFOLD_HYPERCALL_GRANT_MAP, element, "grant_map");
    if (element.status != 0) {
        check(element.frame == 0 && element.handle == 0, "a refused map gives frame 0x%lx and handle %u", element.frame,
              element.handle);
    }
    return element;
}

int32_t unmap_grant(uint32_t handle) {
    return apply_one(RINGFOLD_HYPERCALL_GRANT_UNMAP, ringfold_grant_unmap_element{handle, 1}, "grant_unmap").status;
}

int32_t copy_grant(const ringfold_grant_copy_element &segment) {
    return apply_one(RINGFOLD_HYPERCALL_GRANT_COPY, segment, "grant_copy").status;
}

int32_t transfer_grant(uint32_t domain, uint32_t reference, MachineFrame frame) {
    ringfold_grant_transfer_element element{};
    element.frame = frame.number;
    element.domain = static_cast<uint16_t>(domain);
    element.reference = reference;
    element.status = 1;
    return apply_one(RINGFOLD_HYPERCALL_GRANT_TRANSFER, element, "grant_transfer").status;
}

bool check_element(int32_t status, int64_t expected, const char *what) {
    return check_status({status, 0}, expected, what);
}

ringfold_grant_copy_end own_end(MachineFrame frame, uint16_t offset) { return {frame.number, 0, offset, 0}; }

ringfold_grant_copy_end granted_end(uint32_t domain, uint32_t reference, uint16_t offset) {
    return {reference, static_cast<uint16_t>(domain), offset, RINGFOLD_GRANT_COPY_GRANTED};
}

Result exchange(uint64_t give, uint64_t get, uint64_t count, uint32_t order, uint32_t address_bits) {
    uint64_t done = 0;
    for (;;) {
        const ringfold_hypercall_result result =
            ringfold_memory_exchange(give + (done << order) * sizeof(uint64_t), get + done * sizeof(uint64_t),
                                     count - done, order, address_bits);
        done += result.value;
        if (result.status != -RINGFOLD_EAGAIN) {
            return {result.status, done};
        }
    }
}

}  // namespace guest
