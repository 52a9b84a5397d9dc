// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x83 memory=32M machine=256 icount=1 timeout=120
//
// Nothing runs long with interrupts off: each call that takes a list gets the longest one, with the largest elements,
// and a domain of 48 MiB is filled and destroyed. Expected: each single call is over within a millisecond (under
// -icount an instruction takes 1 ns), preempted if need be, and issuing the rest comes to the end. A call asks every
// few frames, also within a block of 2 MiB that it clears, and makes way 500 us after its first question: closer than
// such a block takes.
#include "framework/child.hpp"
#include "framework/grant.hpp"
#include "framework/guest.hpp"

#include <ringfold/debug.h>

#include <algorithm>
#include <array>

using namespace guest;

namespace {

constexpr uint64_t bound = 1 * millisecond;
constexpr uint64_t bound_of_clearing = 700 * microsecond;
constexpr uint64_t list_pages = 14;  // of the call buffer, behind those of the framework
constexpr uint64_t list_offset = call_buffer_size;
constexpr uint64_t most_elements = 512;
constexpr uint64_t exchanged_order = 5;
constexpr uint64_t big_domain_frames = 12'288;

constinit uint8_t *list = nullptr;

template <typename Element>
Element &element(uint64_t index) {
    return reinterpret_cast<Element *>(list)[index];
}

void register_list() {
    const PhysicalFrame first = allocate_frames(list_pages);
    list = reinterpret_cast<uint8_t *>(linear_address(first));
    for (uint64_t page = 0; page < list_pages; ++page) {
        check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_CALL_BUFFER_SET, call_buffer_size / page_size + page,
                                          machine_frame(first.plus(page)).number),
                     0, "registering a page of the list");
    }
}

// issue(done) goes on from what is done; what it answers counts on, or is nothing.
template <typename Issue>
void check_call(const char *name, uint64_t count, Issue &&issue, uint64_t within = bound) {
    uint64_t longest = 0;
    uint64_t parts = 0;
    uint64_t done = 0;
    Result result{};
    do {
        const uint64_t begin = system_time();
        result = issue(done);
        longest = std::max(longest, system_time() - begin);
        done += result.value;
        ++parts;
    } while (result.status == -RINGFOLD_EAGAIN);
    check(result.ok(), "%s: status %ld", name, result.status);
    check_equal(done, count, name);
    check(longest < within, "%s: one call took %lu us", name, longest / microsecond);
    print("%s: %lu calls, the longest %lu us\n", name, parts, longest / microsecond);
}

Result result_of(const ringfold_hypercall_result &result) { return {result.status, result.value}; }

// --- the domain's own memory ---

// Frames that nothing uses, with their numbers in the list.
PhysicalFrame list_unused_frames(uint64_t count) {
    const PhysicalFrame first = allocate_frames(count);
    for (uint64_t index = 0; index < count; ++index) {
        map_page(linear_address(first.plus(index)), 0);
        element<uint64_t>(index) = machine_frame(first.plus(index)).number;
    }
    return first;
}

void release_and_populate() {
    const PhysicalFrame first = list_unused_frames(most_elements);
    check_call("memory_release", most_elements, [](uint64_t done) {
        return hypercall(RINGFOLD_HYPERCALL_MEMORY_RELEASE, list_offset + done * 8, most_elements - done);
    });
    for (uint64_t index = 0; index < most_elements; ++index) {
        element<uint64_t>(index) = first.plus(index).number;
    }
    check_call("memory_populate", most_elements, [](uint64_t done) {
        return hypercall(RINGFOLD_HYPERCALL_MEMORY_POPULATE, list_offset + done * 8, most_elements - done, 0);
    });
}

void exchange_frames() {
    constexpr uint64_t extents = 40;
    constexpr uint64_t frames = extents << exchanged_order;
    constexpr uint64_t get = frames * sizeof(uint64_t);
    const PhysicalFrame first = list_unused_frames(frames);
    for (uint64_t extent = 0; extent < extents; ++extent) {
        element<uint64_t>(frames + extent) = first.plus(extent << exchanged_order).number;
    }
    check_call("memory_exchange", extents, [](uint64_t done) {
        return result_of(ringfold_memory_exchange(list_offset + (done << exchanged_order) * 8,
                                                  list_offset + get + done * 8, extents - done, exchanged_order, 64));
    });
}

void change_entries() {
    constexpr uint64_t operations = list_pages * page_size / sizeof(ringfold_page_table_operation);
    const MachineFrame page = machine_frame(allocate_frame());
    const MachineFrame table = make_table();
    check_result(pin(table, 1), 0, 1, "pinning a table");
    for (uint64_t index = 0; index < operations; ++index) {
        element<ringfold_page_table_operation>(index) = {
            .operation = RINGFOLD_PAGE_TABLE_SET,
            .count = 0,
            .address = entry_address(table, index % table_entries),
            .value = entry_for(page, index % 2 == 0 ? user_data : user_read_only),
            .mask = 0};
    }
    check_call("page_table_batch", operations, [](uint64_t done) {
        return hypercall(RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH,
                         list_offset + done * sizeof(ringfold_page_table_operation), operations - done);
    });
}

// --- copies, multicalls ---

void copy_pages() {
    constexpr uint64_t length = page_size;
    const MachineFrame from = machine_frame(allocate_frame());
    const MachineFrame to = machine_frame(allocate_frame());
    for (uint64_t index = 0; index < most_elements; ++index) {
        element<ringfold_grant_copy_element>(index) = {
            .source = own_end(from), .destination = own_end(to), .length = length, .status = -1};
    }
    check_call("grant_copy", most_elements, [](uint64_t done) {
        return hypercall(RINGFOLD_HYPERCALL_GRANT_COPY, list_offset + done * sizeof(ringfold_grant_copy_element),
                         most_elements - done);
    });
    for (uint64_t index = 0; index < most_elements; ++index) {
        check_element(element<ringfold_grant_copy_element>(index).status, 0, "a copied element");
    }
}

void call_many() {
    for (uint64_t index = 0; index < most_elements; ++index) {
        element<ringfold_multicall_element>(index) = {
            .number = RINGFOLD_HYPERCALL_COUNTERS_READ, .arguments = {0}, .status = -1, .value = 0};
    }
    check_call("multicall", most_elements, [](uint64_t done) {
        return hypercall(RINGFOLD_HYPERCALL_MULTICALL, list_offset + done * sizeof(ringfold_multicall_element),
                         most_elements - done);
    });
}

// --- other domains ---

void fill(uint32_t domain, uint64_t extents, uint32_t order, uint64_t within = bound) {
    for (uint64_t index = 0; index < extents; ++index) {
        element<uint64_t>(index) = index << order;
    }
    const auto issue = [=](uint64_t done) {
        return result_of(ringfold_domain_populate(domain, list_offset + done * 8, extents - done, order));
    };
    check_call(order == 0 ? "domain_populate" : "domain_populate, 2 MiB", extents, issue, within);
}

// Of the frames in the list, the first of which stays there.
void tell_types(uint32_t domain) {
    const uint64_t first = element<uint64_t>(0);
    check_call("domain_frame_types", RINGFOLD_DOMAIN_FRAME_TYPES_MAX, [=](uint64_t done) {
        return result_of(
            ringfold_domain_frame_types(domain, list_offset + done * 8, RINGFOLD_DOMAIN_FRAME_TYPES_MAX - done));
    });
    element<uint64_t>(0) = first;
}

void copy_into(uint32_t domain) {
    const uint64_t frame = element<uint64_t>(0);
    for (uint64_t index = 0; index < RINGFOLD_DOMAIN_COPY_MAX; ++index) {
        element<ringfold_domain_copy_element>(index) = {
            .frame = frame, .buffer_offset = 0, .frame_offset = 0, .length = page_size};
    }
    check_call("domain_copy", RINGFOLD_DOMAIN_COPY_MAX, [=](uint64_t done) {
        return result_of(ringfold_domain_copy(domain, RINGFOLD_DOMAIN_COPY_IN,
                                              list_offset + done * sizeof(ringfold_domain_copy_element),
                                              RINGFOLD_DOMAIN_COPY_MAX - done));
    });
}

void list_domains() {
    std::array<uint32_t, RINGFOLD_DOMAIN_LIST_MAX - 1> domains{};  // and the caller
    for (uint32_t &domain : domains) {
        const Result created = create_domain(configuration_of({.vcpu_count = RINGFOLD_MAX_VCPUS}));
        check(created.ok(), "domain_create: status %ld", created.status);
        domain = static_cast<uint32_t>(created.value);
    }
    check_call("domain_list", 0, [](uint64_t) {
        const Result listed = hypercall(RINGFOLD_HYPERCALL_DOMAIN_LIST, 0, list_offset, RINGFOLD_DOMAIN_LIST_MAX);
        return Result{listed.status, 0};
    });
    check(element<ringfold_domain_info>(domains.size()).domain != 0, "fewer domains than there are");
    for (const uint32_t domain : domains) {
        check_status(destroy_domain(domain), 0, "domain_destroy");
    }
}

void fill_and_destroy_a_big_domain() {
    const Result created = create_domain(configuration_of({.name = "big", .maximum_frames = big_domain_frames}));
    check(created.ok(), "domain_create: status %ld", created.status);
    const auto domain = static_cast<uint32_t>(created.value);
    fill(domain, (big_domain_frames - most_elements) / frames_per_extent, 9, bound_of_clearing);
    fill(domain, most_elements, 0);
    tell_types(domain);
    copy_into(domain);
    check_call("domain_destroy", 0, [=](uint64_t) { return hypercall(RINGFOLD_HYPERCALL_DOMAIN_DESTROY, domain); });
}

}  // namespace

void guest_main() {
    register_list();
    release_and_populate();
    exchange_frames();
    change_entries();
    copy_pages();
    call_many();
    fill_and_destroy_a_big_domain();
    list_domains();
}
