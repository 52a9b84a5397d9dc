// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/extent.hpp"

#include "hypervisor/mm/machine_seam.hpp"

namespace ringfold {

namespace {

// The fields of the word, apart, for one change.
struct Fields {
    DomainId owner;
    uint64_t owned;
    uint64_t page_tables;
    uint64_t writable;
    uint64_t read_only;

    explicit Fields(ExtentState state)
        : owner(state.owner()),
          owned(state.owned()),
          page_tables(state.page_tables()),
          writable(state.big_writable()),
          read_only(state.big_read_only()) {}

    [[nodiscard]] ExtentState pack() const {
        invariant(page_tables == 0 || writable == 0, "page tables exclude big writable mappings");
        return {owner, owned, writable != 0, writable != 0 ? writable : page_tables, read_only};
    }
};

}  // namespace

template <typename Change>
Result<void> Extent::change(Change &&next) {
    uint64_t old = word_.load(std::memory_order_acquire);
    for (;;) {
        Fields fields{ExtentState{old}};
        TRY(next(fields));
        // Success: nobody changed the extent since `next` judged it. Failure: judge the newer word. Acquire and release
        // pair with each other: who sees a use gone sees the stamp that was set before.
        if (word_.compare_exchange_weak(old, fields.pack().raw(), std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
            return {};
        }
    }
}

void Extent::add_frame(DomainId owner) {
    const auto added = change([owner](Fields &fields) -> Result<void> {
        if (fields.owned == 0) {
            fields.owner = owner;
        }
        if (fields.owner == owner) {
            ++fields.owned;
        }
        invariant(fields.owned <= frames_per_extent, "an extent has 512 frames");
        return {};
    });
    static_cast<void>(added.ok());
}

Result<void> Extent::remove_frame(DomainId owner) {
    return change([owner](Fields &fields) -> Result<void> {
        if (fields.writable != 0 || fields.read_only != 0) {
            return Error::busy;
        }
        if (fields.owner == owner && fields.owned != 0) {
            --fields.owned;
        }
        return {};
    });
}

void Extent::count_all(DomainId owner) {
    const auto counted = change([owner](Fields &fields) -> Result<void> {
        fields.owner = owner;
        fields.owned = frames_per_extent;
        return {};
    });
    static_cast<void>(counted.ok());
}

Result<void> Extent::add_page_table() {
    return change([](Fields &fields) -> Result<void> {
        if (fields.writable != 0) {
            return Error::busy;
        }
        ++fields.page_tables;
        invariant(fields.page_tables <= frames_per_extent, "an extent has 512 frames");
        return {};
    });
}

void Extent::remove_page_table() {
    const auto removed = change([](Fields &fields) -> Result<void> {
        invariant(fields.page_tables != 0, "a page table of the extent is left");
        --fields.page_tables;
        return {};
    });
    static_cast<void>(removed.ok());
}

Result<void> Extent::add_big(DomainId owner, bool writable) {
    return change([owner, writable](Fields &fields) -> Result<void> {
        if (fields.owner != owner || fields.owned != frames_per_extent) {
            return Error::access_denied;
        }
        if (writable && fields.page_tables != 0) {
            return Error::busy;
        }
        uint64_t &count = writable ? fields.writable : fields.read_only;
        if (count == (writable ? ExtentState::exclusive_limit : ExtentState::read_only_limit)) {
            return Error::limit_reached;
        }
        ++count;
        return {};
    });
}

void Extent::remove_big(bool writable) {
    const auto removed = change([writable](Fields &fields) -> Result<void> {
        uint64_t &count = writable ? fields.writable : fields.read_only;
        invariant(count != 0, "a big mapping of the extent is left");
        --count;
        return {};
    });
    static_cast<void>(removed.ok());
}

}  // namespace ringfold
