// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=1 timeout=40 hosts=qemu,bochs
//
// A long multicall makes way and is issued again from its progress on, like every batch. One of its calls is long, too,
// and is preempted by itself. Expected: elements before the progress have their results, the one at it is either
// untouched or tells its own progress, those behind it are untouched; in the end each was carried out exactly once.
#include "framework/guest.hpp"

using namespace guest;

namespace {

using Element = ringfold_multicall_element;
constexpr int64_t untouched = 0x7777'7777;
constexpr uint64_t count = 24;
constexpr uint64_t long_one = 11;
constexpr uint64_t operations_offset = 2048;
constexpr uint64_t operation_count = 180;

Element *elements() { return call_buffer<Element>(); }

// Each walks over a table of 512 entries, and changes none.
void put_operations(MachineFrame table) {
    for (uint64_t index = 0; index < operation_count; ++index) {
        *call_buffer<ringfold_page_table_operation>(operations_offset +
                                                    index * sizeof(ringfold_page_table_operation)) = {
            RINGFOLD_PAGE_TABLE_FLAGS_RUN, table_entries, table.address(), 0, 0};
    }
}

void put_elements() {
    for (uint64_t index = 0; index < count; ++index) {
        elements()[index] = {RINGFOLD_HYPERCALL_EVENT_BIND_IPI, {}, untouched, 0};
    }
    elements()[long_one] = {
        RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH, {operations_offset, operation_count, 0, 0, 0, 0}, untouched, 0};
}

void check_untouched(uint64_t from) {
    for (uint64_t index = from; index < count; ++index) {
        check_equal(static_cast<uint64_t>(elements()[index].status), untouched, "an element that was not reached");
    }
}

// Issues the rest as often as it is preempted; returns how often that was in the long one itself.
unsigned issue_all() {
    unsigned in_the_long_one = 0;
    for (uint64_t done = 0; done < count;) {
        const Result result = hypercall(RINGFOLD_HYPERCALL_MULTICALL, done * sizeof(Element), count - done);
        if (!check(result.status == 0 || result.status == -RINGFOLD_EAGAIN, "status %ld", result.status)) {
            return in_the_long_one;
        }
        done += result.value;
        if (result.status == 0) {
            check_equal(done, count, "all are done");
            return in_the_long_one;
        }
        Element &next = elements()[done];
        check_untouched(done + 1);
        if (next.status == -RINGFOLD_EAGAIN) {
            check_equal(done, long_one, "one was preempted by itself");
            next.arguments[0] += next.value * sizeof(ringfold_page_table_operation);
            next.arguments[1] -= next.value;
            next.status = untouched;
            ++in_the_long_one;
        }
        check_equal(static_cast<uint64_t>(next.status), untouched, "the next one");
    }
    return in_the_long_one;
}

}  // namespace

void guest_main() {
    const MachineFrame table = make_table();
    check_result(pin(table, 1), 0, 1, "pinning a table");
    put_operations(table);
    put_elements();
    const unsigned preempted = issue_all();
    print("preempted %u times in its longest call\n", preempted);
    check(preempted > 0, "the longest call was never preempted: the test shows nothing");
    for (uint64_t index = 0; index < count; ++index) {
        check_equal(static_cast<uint64_t>(elements()[index].status), 0, "the status of each");
        const uint64_t port = index < long_one ? index + 1 : index;
        check(index == long_one || elements()[index].value == port, "element %lu bound port %lu", index,
              elements()[index].value);
    }
    check_equal(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_IPI, 0).value, count, "the ports that were bound, each once");
    check_result(unpin(table), 0, 1, "unpinning it");
}
