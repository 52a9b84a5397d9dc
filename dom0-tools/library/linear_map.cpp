// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/linear_map.hpp"

#include "hypervisor/mm/entry.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <array>
#include <unordered_map>

namespace ringfold::tools {

namespace {

constexpr std::size_t most_ranges = 60'000;  // below PN_XNUM
constexpr unsigned most_places = 4;          // of one page table

class Walker {
  public:
    Walker(const Hypervisor &hypervisor, DomainId domain, const PhysicalIndex &index)
        : hypervisor_(hypervisor), domain_(domain), index_(index) {}

    Outcome<void> walk(uint64_t table, unsigned level, uint64_t base) {
        if (walks_[table] == most_places) {
            return {};
        }
        ++walks_[table];
        std::array<uint64_t, table_entries> entries{};
        TRY(hypervisor_.copy_out(domain_, {&table, 1}, std::as_writable_bytes(std::span{entries})));
        for (uint64_t index = level == 4 ? table_entries / 2 : 0; index < table_entries; ++index) {
            const Entry entry{entries[index]};
            const uint64_t address = base | index << (page_shift + uint64_t{9} * (level - 1));
            const bool ours = level == 4 && index == virtual_map::slot;
            if (!entry.present() || ours || ranges_.size() >= most_ranges) {
                continue;
            }
            const uint64_t canonical = level == 4 ? address | ~uint64_t{0} << 48 : address;
            if (entry.is_leaf(static_cast<Level>(level))) {
                add(canonical, entry.frame(), level == 1 ? 1 : frames_per_extent);
            } else if (index_.find(entry.frame())) {
                TRY(walk(entry.frame().raw(), level - 1, canonical));
            }
        }
        return {};
    }

    std::vector<LinearRange> take() { return std::move(ranges_); }

  private:
    // Pages of one leaf; those that continue the last range are added to it.
    void add(uint64_t address, MachineFrame first, uint64_t count) {
        for (uint64_t page = 0; page < count; ++page, address += page_size) {
            const std::optional<GuestFrame> frame = index_.find(first + FrameCount{page});
            if (!frame) {
                continue;
            }
            if (!ranges_.empty() && ranges_.back().address + (ranges_.back().pages << page_shift) == address &&
                ranges_.back().first_frame + ranges_.back().pages == frame->raw()) {
                ++ranges_.back().pages;
            } else {
                ranges_.push_back({address, frame->raw(), 1});
            }
        }
    }

    const Hypervisor &hypervisor_;
    DomainId domain_;
    const PhysicalIndex &index_;
    std::unordered_map<uint64_t, unsigned> walks_;  // by page table
    std::vector<LinearRange> ranges_;
};

}  // namespace

Outcome<std::vector<LinearRange>> kernel_ranges(const Hypervisor &hypervisor, DomainId domain, uint64_t root,
                                                const PhysicalIndex &index) {
    Walker walker(hypervisor, domain, index);
    TRY(walker.walk(root, 4, 0));
    return walker.take();
}

}  // namespace ringfold::tools
