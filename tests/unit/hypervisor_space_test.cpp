// SPDX-License-Identifier: Apache-2.0
//
// The hypervisor's page tables, built in fake machine memory: what is where, what may be done there, and that the check
// which runs at boot finds every way in which they could be wrong.
#include "hypervisor/cpu/page_mapper.hpp"
#include "hypervisor/cpu/space_check.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <optional>

#include "fake_machine_memory.hpp"
#include "hypervisor/cpu/cpu_space.hpp"
#include "hypervisor/mm/virtual_map.hpp"

namespace ringfold {
namespace {

constexpr FrameCount memory_size{16384};

// Tables come from the lower part of the memory, in order; allowance is how many frames are left.
uint64_t next_frame = 0;
uint64_t allowance = 0;

Result<MachineFrame> take_frames(Order order) {
    next_frame = align_up(next_frame, order.frames().raw());
    if (order.frames().raw() > allowance) {
        return Error::out_of_memory;
    }
    allowance -= order.frames().raw();
    const MachineFrame frame{next_frame};
    next_frame += order.frames().raw();
    std::memset(pointer_to(frame), 0xa5, order.frames().bytes());  // whoever wants zeroes must clear them
    return frame;
}

class PageTables : public ::testing::Test {
  protected:
    void SetUp() override {
        next_frame = 16;
        allowance = 8192;
        l3_ = new_table(take_frames).take();
    }

    std::map<uint64_t, Mapping> mappings(MachineFrame l3) {
        std::map<uint64_t, Mapping> all;
        for_each_mapping(l3, virtual_map::slot_base,
                         [&all](const Mapping &mapping) { all[mapping.address] = mapping; });
        return all;
    }

    test::FakeMachineMemory memory_{memory_size};
    MachineFrame l3_;
};

constexpr uint64_t base = virtual_map::direct_map.base;

TEST_F(PageTables, TheLargestPagesThatFitAreUsed) {
    PageMapper mapper{l3_, take_frames};
    // From 2 MiB - 4 KiB to 1 GiB + 2 MiB + 4 KiB.
    const uint64_t begin = big_page_size - page_size;
    const uint64_t end = gigabyte_page_size + big_page_size + page_size;
    ASSERT_TRUE(mapper
                    .map(base + begin, MachineAddress{begin}, end - begin, Access::read_write, Caching::write_back,
                         gigabyte_page_size)
                    .ok());
    uint64_t expected = begin;
    std::map<uint64_t, int> sizes;
    for (const auto &[address, mapping] : mappings(l3_)) {
        ASSERT_EQ(address, base + expected);  // no gap
        ASSERT_EQ(address_of(mapping.frame), MachineAddress{expected});
        ASSERT_TRUE(mapping.writable && !mapping.executable && !mapping.user && !mapping.global);
        expected += mapping.size;
        ++sizes[mapping.size];
    }
    EXPECT_EQ(expected, end);
    EXPECT_EQ(sizes[page_size], 2);
    EXPECT_EQ(sizes[big_page_size], 512);
    EXPECT_EQ(sizes[gigabyte_page_size], 0);  // [1 GiB, 2 GiB) is not all wanted
    ASSERT_TRUE(mapper
                    .map(base + 4 * gigabyte_page_size, MachineAddress{4 * gigabyte_page_size}, gigabyte_page_size,
                         Access::read_only, Caching::write_back, gigabyte_page_size)
                    .ok());
    EXPECT_EQ(mapper.find(base + 4 * gigabyte_page_size + 12345)->size, gigabyte_page_size);
}

TEST_F(PageTables, BigPagesNeedAlignmentOfBothSides) {
    PageMapper mapper{l3_, take_frames};
    ASSERT_TRUE(mapper.map(base, MachineAddress{page_size}, big_page_size, Access::read_only).ok());
    EXPECT_EQ(mappings(l3_).size(), frames_per_extent);
}

TEST_F(PageTables, WhatIsMappedStaysMapped) {
    PageMapper mapper{l3_, take_frames};
    ASSERT_TRUE(mapper.map(base, MachineAddress{0}, 2 * big_page_size, Access::read_only).ok());
    const auto before = mappings(l3_);
    EXPECT_EQ(mapper.map(base, MachineAddress{0x100000}, page_size, Access::read_write).error(), Error::already_exists);
    EXPECT_EQ(mapper.map(base + big_page_size, MachineAddress{0}, big_page_size, Access::execute).error(),
              Error::already_exists);
    EXPECT_EQ(mapper.l1_table(base).error(), Error::already_exists);
    EXPECT_EQ(mappings(l3_).size(), before.size());
    EXPECT_FALSE(mapper.find(base)->writable);
    EXPECT_FALSE(mapper.find(base + 2 * big_page_size).has_value());
}

TEST_F(PageTables, OddArgumentsAreRefused) {
    PageMapper mapper{l3_, take_frames};
    EXPECT_EQ(mapper.map(base + 1, MachineAddress{0}, page_size, Access::read_only).error(), Error::invalid_argument);
    EXPECT_EQ(mapper.map(base, MachineAddress{8}, page_size, Access::read_only).error(), Error::invalid_argument);
    EXPECT_EQ(mapper.map(base, MachineAddress{0}, 100, Access::read_only).error(), Error::invalid_argument);
    EXPECT_TRUE(mappings(l3_).empty());
}

TEST_F(PageTables, OutOfMemoryIsAnError) {
    PageMapper mapper{l3_, take_frames};
    allowance = 1;  // the L2 table, but no L1
    EXPECT_EQ(mapper.map(base, MachineAddress{0}, page_size, Access::read_only).error(), Error::out_of_memory);
    EXPECT_TRUE(mappings(l3_).empty());
}

TEST_F(PageTables, NoAccessIsBothWritableAndExecutable) {
    for (const Access access : {Access::read_only, Access::read_write, Access::execute}) {
        const uint64_t flags = leaf_flags(access, Caching::write_back);
        EXPECT_FALSE((flags & page_flag::writable) != 0 && (flags & page_flag::no_execute) == 0);
        EXPECT_EQ(flags & (page_flag::user | page_flag::global), 0u);
    }
    EXPECT_EQ(leaf_flags(Access::read_write, Caching::uncached) & (page_flag::cache_disable | page_flag::write_through),
              page_flag::cache_disable | page_flag::write_through);
}

// A whole CPU's space over a small shared part: image text at frame 8192, constants behind it, data behind them.
class CpuSpaces : public PageTables {
  protected:
    static constexpr MachineFrame text{8192};
    static constexpr MachineFrame gate_text{8200};
    static constexpr uint64_t gate_text_size = 2 * page_size - 100;
    static constexpr uint64_t guard = virtual_map::image.base + 0x10'0000;

    void SetUp() override {
        PageTables::SetUp();
        PageMapper mapper{l3_, take_frames};
        ASSERT_TRUE(mapper.map(virtual_map::image.base, address_of(text), 4 * page_size, Access::execute).ok());
        ASSERT_TRUE(mapper.map(guard + page_size, MachineAddress{0x300'0000}, page_size, Access::read_write).ok());
        for (const virtual_map::Region &region : {virtual_map::devices, virtual_map::machine_to_physical}) {
            ASSERT_TRUE(mapper.l2_table(region.base).ok());
        }
        ASSERT_TRUE(
            mapper.map(virtual_map::machine_to_physical.base, MachineAddress{0x380'0000}, page_size, Access::read_write)
                .ok());
        // The direct map: everything but the code.
        const uint64_t below = address_of(text).raw();
        const uint64_t above = address_of(gate_text).raw() + 2 * page_size;
        ASSERT_TRUE(mapper.map(base, MachineAddress{0}, below, Access::read_write).ok());
        ASSERT_TRUE(mapper.map(base + below, MachineAddress{below}, above - below, Access::read_only).ok());
        ASSERT_TRUE(
            mapper.map(base + above, MachineAddress{above}, memory_size.bytes() - above, Access::read_write).ok());
        for (CpuSpace &space : spaces_) {
            space = CpuSpace::create(l3_, gate_text, gate_text_size, take_frames).take();
        }
    }

    [[nodiscard]] std::optional<Mapping> find(MachineFrame face, uint64_t address) const {
        return PageMapper{face, take_frames}.find(address);
    }
    [[nodiscard]] std::string_view broken_rule() const {
        const std::array<const CpuSpace *, 2> both{&spaces_[0], &spaces_[1]};
        const auto breach = find_space_breach(both, guard);
        return breach ? breach->rule : "";
    }
    // The entry that maps `address` in the L1 table that `face` has there.
    [[nodiscard]] static uint64_t &leaf(MachineFrame face, uint64_t address) {
        uint64_t entry = pointer_to<uint64_t>(face)[l3_index(address)];
        entry = pointer_to<uint64_t>(frame_in(entry))[l2_index(address)];
        return pointer_to<uint64_t>(frame_in(entry))[l1_index(address)];
    }

    std::array<CpuSpace, 2> spaces_;
};

TEST_F(CpuSpaces, AreSound) { EXPECT_EQ(broken_rule(), ""); }

TEST_F(CpuSpaces, HaveOneSlot) {
    for (const CpuSpace &space : spaces_) {
        const auto *entries = pointer_to<uint64_t>(space.hypervisor_root);
        for (uint64_t index = 0; index < table_entries; ++index) {
            EXPECT_EQ(entries[index] != 0, index == virtual_map::slot);
        }
        EXPECT_EQ(frame_in(space.guest_slot_entry()), space.guest_face);
    }
}

TEST_F(CpuSpaces, ShareConstantsButNotScratchBetweenTheFaces) {
    const CpuSpace &space = spaces_[0];
    for (const auto &region :
         {virtual_map::gate_constants, virtual_map::gate_gdt, virtual_map::gate_idt, virtual_map::gate_tss}) {
        const auto ours = find(space.hypervisor_face, region.base);
        const auto guests = find(space.guest_face, region.base);
        EXPECT_EQ(ours->frame, guests->frame);
        EXPECT_TRUE(ours->writable);
        EXPECT_FALSE(guests->writable);
        EXPECT_NE(ours->frame, find(spaces_[1].hypervisor_face, region.base)->frame);  // each CPU has its own
    }
    for (uint64_t address = virtual_map::gate_stack.base; address < virtual_map::gate_spill.end();
         address += page_size) {
        const auto ours = find(space.hypervisor_face, address);
        const auto guests = find(space.guest_face, address);
        EXPECT_NE(ours->frame, guests->frame);
        EXPECT_TRUE(ours->writable && guests->writable);
        // The hypervisor reaches the guest face's scratch by the alias.
        EXPECT_EQ(find(space.hypervisor_face, virtual_map::guest_scratch_alias(address))->frame, guests->frame);
    }
    EXPECT_EQ(find(space.hypervisor_face, virtual_map::gate_text.base)->frame, gate_text);
    EXPECT_EQ(find(space.guest_face, virtual_map::gate_text.base + page_size)->frame, gate_text + FrameCount{1});
    EXPECT_FALSE(find(space.guest_face, virtual_map::gate_text.base + 2 * page_size).has_value());
    EXPECT_FALSE(find(space.guest_face, virtual_map::gate_ldt.base).has_value());
    EXPECT_FALSE(find(space.guest_face, virtual_map::vcpu_page.base).has_value());
}

TEST_F(CpuSpaces, ShowGuestsTheMachineToPhysicalTableReadOnly) {
    EXPECT_TRUE(find(spaces_[0].hypervisor_face, virtual_map::machine_to_physical.base)->writable);
    const auto guests = find(spaces_[0].guest_face, virtual_map::machine_to_physical.base);
    EXPECT_FALSE(guests->writable);
    EXPECT_FALSE(guests->executable);
    EXPECT_FALSE(find(spaces_[0].guest_face, base).has_value());
    EXPECT_FALSE(find(spaces_[0].guest_face, virtual_map::image.base).has_value());
    EXPECT_FALSE(find(spaces_[0].guest_face, virtual_map::cpu_data.base).has_value());
}

TEST_F(CpuSpaces, SeeWhatIsMappedInTheSharedPartLater) {
    PageMapper mapper{l3_, take_frames};
    ASSERT_TRUE(mapper
                    .map(virtual_map::devices.base, MachineAddress{0xfee0'0000}, page_size, Access::read_write,
                         Caching::uncached)
                    .ok());
    for (const CpuSpace &space : spaces_) {
        EXPECT_TRUE(find(space.hypervisor_face, virtual_map::devices.base).has_value());
        EXPECT_FALSE(find(space.guest_face, virtual_map::devices.base).has_value());
    }
}

TEST_F(CpuSpaces, DataIsOnePieceForOtherCpus) {
    for (uint64_t offset = 0; offset < virtual_map::cpu_data.size; offset += page_size) {
        EXPECT_EQ(find(spaces_[0].hypervisor_face, virtual_map::cpu_data.base + offset)->frame,
                  spaces_[0].data + FrameCount::holding(offset));
    }
}

TEST_F(CpuSpaces, TheVcpuPageIsWritableForTheGuestOnly) {
    spaces_[0].set_vcpu_page(MachineFrame{9000});
    const auto page = find(spaces_[0].guest_face, virtual_map::vcpu_page.base);
    EXPECT_EQ(page->frame, MachineFrame{9000});
    EXPECT_TRUE(page->writable && !page->executable && !page->user);
    EXPECT_FALSE(find(spaces_[0].hypervisor_face, virtual_map::vcpu_page.base).has_value());
    EXPECT_EQ(broken_rule(), "");
}

TEST_F(CpuSpaces, OutOfMemoryAtAnyMomentIsAnError) {
    for (uint64_t frames = 0; frames < 40; ++frames) {
        next_frame = 4096;
        allowance = frames;
        EXPECT_EQ(CpuSpace::create(l3_, gate_text, gate_text_size, take_frames).error(), Error::out_of_memory);
    }
}

// --- each rule of the check, broken on purpose ---

TEST_F(CpuSpaces, CheckFindsCodeThatIsWritableWhereItRuns) {
    leaf(spaces_[1].hypervisor_face, virtual_map::image.base + page_size) |= page_flag::writable;
    EXPECT_EQ(broken_rule(), "no code is writable");
}

TEST_F(CpuSpaces, CheckFindsCodeThatIsWritableByAnAlias) {
    leaf(spaces_[0].hypervisor_face, base + address_of(gate_text).raw()) |= page_flag::writable;
    EXPECT_EQ(broken_rule(), "no code is writable");
}

TEST_F(CpuSpaces, CheckFindsDataThatBecameExecutable) {
    leaf(spaces_[0].hypervisor_face, virtual_map::cpu_data.base) &= ~page_flag::no_execute;
    EXPECT_NE(broken_rule(), "");
}

TEST_F(CpuSpaces, CheckFindsCodeOutsideTheImage) {
    PageMapper mapper{l3_, take_frames};
    ASSERT_TRUE(mapper.map(virtual_map::devices.base, MachineAddress{0x8000'0000}, page_size, Access::execute).ok());
    EXPECT_EQ(broken_rule(), "code is in the image and the gate only");
}

TEST_F(CpuSpaces, CheckFindsGuestScratchThatIsCodeOfTheHypervisor) {
    leaf(spaces_[0].guest_face, virtual_map::gate_stack.base) =
        address_of(text).raw() | leaf_flags(Access::read_write, Caching::write_back);
    EXPECT_EQ(broken_rule(), "no code is writable");
}

TEST_F(CpuSpaces, CheckFindsGlobalPages) {
    leaf(spaces_[0].guest_face, virtual_map::gate_text.base) |= page_flag::global;
    EXPECT_EQ(broken_rule(), "nothing is global");
}

TEST_F(CpuSpaces, CheckFindsPagesForRing3) {
    // Every level must allow it.
    uint64_t &l3_entry = pointer_to<uint64_t>(spaces_[0].guest_face)[0];
    uint64_t &l2_entry = pointer_to<uint64_t>(frame_in(l3_entry))[0];
    leaf(spaces_[0].guest_face, virtual_map::gate_text.base) |= page_flag::user;
    EXPECT_EQ(broken_rule(), "");
    l3_entry |= page_flag::user;
    l2_entry |= page_flag::user;
    EXPECT_EQ(broken_rule(), "nothing is for ring 3");
}

TEST_F(CpuSpaces, CheckFindsAMappedGuard) {
    for (const virtual_map::Region &stack : virtual_map::stacks) {
        for (const uint64_t page : {stack.base - page_size, stack.end()}) {
            leaf(spaces_[1].hypervisor_face, page) = 0x280'0000 | leaf_flags(Access::read_write, Caching::write_back);
            EXPECT_EQ(broken_rule(), "guard pages surround every stack");
            leaf(spaces_[1].hypervisor_face, page) = 0;
        }
    }
    leaf(spaces_[0].hypervisor_face, guard) = 0x280'0000 | leaf_flags(Access::read_write, Caching::write_back);
    EXPECT_EQ(broken_rule(), "a guard page lies below the boot stack");
}

TEST_F(CpuSpaces, CheckFindsASecondSlot) {
    pointer_to<uint64_t>(spaces_[0].hypervisor_root)[0] = table_flags;
    EXPECT_EQ(broken_rule(), "the hypervisor's root has one slot");
}

TEST_F(CpuSpaces, CheckFindsWhatGuestsMustNotSeeOrWrite) {
    leaf(spaces_[0].guest_face, virtual_map::gate_gdt.base) |= page_flag::writable;
    EXPECT_EQ(broken_rule(), "a guest writes scratch and its vCPU page only");
    leaf(spaces_[0].guest_face, virtual_map::gate_gdt.base) &= ~page_flag::writable;
    uint64_t &stray = leaf(spaces_[0].guest_face, virtual_map::gate.base + 0x60'000);
    stray = 0x280'0000 | leaf_flags(Access::read_only, Caching::write_back);
    EXPECT_EQ(broken_rule(), "guests' face holds the gate and the machine-to-physical table only");
    stray = 0;
    EXPECT_EQ(broken_rule(), "");
}

}  // namespace
}  // namespace ringfold
