// SPDX-License-Identifier: Apache-2.0
#include "framework/page_table.hpp"

#include "framework/call_buffer.hpp"
#include "framework/memory.hpp"
#include "framework/vcpu.hpp"
#include "framework/verdict.hpp"

namespace guest {
namespace {

constexpr unsigned levels = 4;
constexpr uint64_t first_kernel_index = 257;  // 256 is Ringfold's

void require(Result result, const char *what) {
    if (!result.ok()) {
        fatal_failure("%s: status %ld", what, result.status);
    }
}

}  // namespace

const volatile uint64_t *table_entries_of(MachineFrame table) {
    return reinterpret_cast<const volatile uint64_t *>(linear_address(table));
}

Slot find_slot(MachineFrame root, uint64_t linear, unsigned level) {
    MachineFrame table = root;
    for (unsigned current = levels;; --current) {
        const uint64_t index = index_of(linear, current);
        const uint64_t entry = table_entries_of(table)[index];
        if (current == level) {
            return {entry_address(table, index), entry};
        }
        if (!is_present(entry) || (current < levels && (entry & RINGFOLD_ENTRY_BIG) != 0)) {
            return {0, 0};
        }
        table = frame_in(entry);
    }
}

Slot find_slot(uint64_t linear, unsigned level) { return find_slot(this_vcpu().root, linear, level); }

Result apply(const ringfold_page_table_operation &operation) {
    *call_buffer<ringfold_page_table_operation>() = operation;
    return apply_batch(1);
}

Result apply_batch(uint64_t count) {
    uint64_t done = 0;
    for (;;) {
        const uint64_t offset = done * sizeof(ringfold_page_table_operation);
        Result result = hypercall(RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH, offset, count - done);
        done += result.value;
        if (result.status != -RINGFOLD_EAGAIN) {
            return {result.status, done};
        }
    }
}

Result set_entry(uint64_t machine_address, uint64_t value) {
    return apply({RINGFOLD_PAGE_TABLE_SET, 0, machine_address, value, 0});
}
Result set_entry_keeping(uint64_t machine_address, uint64_t value) {
    return apply({RINGFOLD_PAGE_TABLE_SET_KEEP_ACCESSED_DIRTY, 0, machine_address, value, 0});
}
Result change_flags(uint64_t machine_address, uint32_t count, uint64_t value, uint64_t mask) {
    return apply({RINGFOLD_PAGE_TABLE_FLAGS_RUN, count, machine_address, value, mask});
}
Result pin(MachineFrame table, uint32_t level) { return apply({RINGFOLD_PAGE_TABLE_PIN, level, table.number, 0, 0}); }
Result unpin(MachineFrame table) { return apply({RINGFOLD_PAGE_TABLE_UNPIN, 0, table.number, 0, 0}); }
Result load_root(MachineFrame root, uint64_t mode) {
    const Result result = apply({RINGFOLD_PAGE_TABLE_LOAD_ROOT, 0, root.number, mode, 0});
    if (result.ok()) {
        this_vcpu().root = root;
    }
    return result;
}
Result flush(uint32_t scope, uint64_t linear, uint64_t pages, uint64_t vcpus) {
    return apply({RINGFOLD_PAGE_TABLE_FLUSH, scope, linear, pages, vcpus});
}

void invalidate_page(uint64_t linear) {
    require(hypercall(RINGFOLD_GATE_INVALIDATE_PAGE, linear), "invalidating a page");
}

void map_page(uint64_t linear, uint64_t entry) {
    for (unsigned level = levels; level > 1; --level) {
        const Slot slot = find_slot(linear, level);
        if (!is_present(slot.value)) {
            require(set_entry(slot.machine_address, entry_for(make_table(), table_flags)), "a table on the way");
        }
    }
    require(set_entry(find_slot(linear).machine_address, entry), "mapping a page");
    invalidate_page(linear);
}

void map_initially(PhysicalFrame frame, uint64_t flags) {
    const uint64_t linear = linear_address(frame);
    require(set_entry(find_slot(linear).machine_address, entry_for(machine_frame(frame), flags)),
            "changing the initial mapping");
    invalidate_page(linear);
}
void map_initially(MachineFrame frame, uint64_t flags) { map_initially(physical_frame(frame), flags); }

MachineFrame make_table(const uint64_t *entries) {
    const PhysicalFrame frame = allocate_frame();
    if (entries != nullptr) {
        auto *words = reinterpret_cast<uint64_t *>(linear_address(frame));
        for (uint64_t i = 0; i < table_entries; ++i) {
            words[i] = entries[i];
        }
    }
    map_initially(frame, kernel_read_only);
    return machine_frame(frame);
}

MachineFrame make_root() {
    const volatile uint64_t *current = table_entries_of(this_vcpu().root);
    const PhysicalFrame frame = allocate_frame();
    auto *words = reinterpret_cast<uint64_t *>(linear_address(frame));
    for (uint64_t i = first_kernel_index; i < table_entries; ++i) {
        words[i] = current[i];
    }
    map_initially(frame, kernel_read_only);
    return machine_frame(frame);
}

}  // namespace guest
