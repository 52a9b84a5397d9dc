// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/guest_builder.hpp"

#include "dom0-tools/library/guest_memory.hpp"
#include "dom0-tools/tests/fake_hypervisor.hpp"
#include "dom0-tools/tests/kernel_file.hpp"

#include <ringfold/hypercall_numbers.h>
#include <ringfold/page_table.h>
#include <ringfold/start_info.h>

#include <gtest/gtest.h>

#include <cstring>

namespace ringfold::tools {
namespace {

constexpr std::string_view ramdisk = "a RAM disk";

class GuestBuilder : public testing::Test {
  protected:
    GuestBuilder() {
        plan.name = "guest";
        plan.memory = plan.maximum = FrameCount{3000};
        plan.vcpus = 2;
        plan.command_line = "quiet";
        plan.kernel = &kernel;
        plan.ramdisk = as_bytes(ramdisk);
    }

    ringfold_start_info start_info(const FakeDomain &domain) {
        const std::string bytes = fake.read_linear(static_cast<uint16_t>(domain.info.domain), domain.context.argument,
                                                   sizeof(ringfold_start_info));
        ringfold_start_info info{};
        EXPECT_EQ(bytes.size(), sizeof info);
        std::memcpy(&info, bytes.data(), std::min(bytes.size(), sizeof info));
        return info;
    }

    FakeDomain &build() {
        const auto built = build_guest(hypervisor, plan);
        EXPECT_TRUE(built.ok()) << built.error().text;
        const auto started = start_guest(hypervisor, built.value());
        EXPECT_TRUE(started.ok());
        frames = built.value().frames;
        return fake.domains.at(built.value().id.raw());
    }

    FakeHypervisor fake;
    Hypervisor hypervisor{fake};
    std::string file = make_kernel();
    KernelImage kernel = KernelImage::parse(as_bytes(file)).take();
    GuestPlan plan;
    std::vector<uint64_t> frames;
};

TEST_F(GuestBuilder, TheGuestFindsWhatTheAbiPromises) {
    const FakeDomain &domain = build();
    const auto id = static_cast<uint16_t>(domain.info.domain);
    const ringfold_start_info info = start_info(domain);
    EXPECT_EQ(info.magic, RINGFOLD_START_INFO_MAGIC);
    EXPECT_EQ(info.domain_id, id);
    EXPECT_EQ(info.control_domain, 1U);
    EXPECT_EQ(info.control_reference, 100U + id);
    EXPECT_EQ(info.control_port, 200U + id);
    EXPECT_EQ(info.flags, RINGFOLD_START_PCID);
    EXPECT_EQ(info.vcpu_count, 2U);
    EXPECT_EQ(info.frame_count, 3000U);
    EXPECT_EQ(info.range_count, 1U);
    EXPECT_EQ(info.ranges[0].count, 3000U);
    EXPECT_EQ(info.mapped_frames, 2048U);
    EXPECT_STREQ(info.command_line, "quiet");
    EXPECT_EQ(fake.read_linear(id, kernel_base + 0x10'0000, kernel_text.size()), kernel_text);
    EXPECT_EQ(fake.read_linear(id, kernel_base + 0x20'0000, kernel_data.size()), kernel_data);
    EXPECT_EQ(fake.read_linear(id, info.module_address, info.module_size), ramdisk);
    EXPECT_EQ(domain.context.rip, kernel_base + 0x10'0004);
    EXPECT_EQ(domain.context.rsp, info.stack_top);
    EXPECT_EQ(domain.context.root, info.root);
    EXPECT_EQ(domain.context.vcpu_page, frames[info.vcpu_page]);
    EXPECT_EQ(domain.hypercall_return, kernel_base + 0x10'0002);
    EXPECT_EQ(domain.info.maximum_frames, 3000U);
}

TEST_F(GuestBuilder, TheMapNamesTheFrameBehindEachPage) {
    const FakeDomain &domain = build();
    const auto id = static_cast<uint16_t>(domain.info.domain);
    const ringfold_start_info info = start_info(domain);
    const std::string bytes = fake.read_linear(id, info.physical_to_machine, 3000 * sizeof(uint64_t));
    ASSERT_EQ(bytes.size(), 3000 * sizeof(uint64_t));
    EXPECT_EQ(std::memcmp(bytes.data(), frames.data(), bytes.size()), 0);
    for (uint64_t frame = 0; frame < 3000; ++frame) {
        EXPECT_EQ(domain.physical_frames.at(frames[frame]), frame);
        const uint64_t entry = fake.entry_of(id, kernel_base + (frame << page_shift));
        EXPECT_EQ((entry & RINGFOLD_ENTRY_FRAME_MASK) >> page_shift, frame < 2048 ? frames[frame] : 0);
    }
}

TEST_F(GuestBuilder, FramesUpToTheMaximumAreThereWithoutMemory) {
    plan.maximum = FrameCount{4000};
    const FakeDomain &domain = build();
    const auto id = static_cast<uint16_t>(domain.info.domain);
    const ringfold_start_info info = start_info(domain);
    EXPECT_EQ(info.frame_count, 4000U);
    EXPECT_EQ(info.ranges[0].count, 4000U);
    EXPECT_EQ(domain.info.owned_frames, 3000U);
    EXPECT_EQ(domain.claimed, 0U);
    const std::string bytes = fake.read_linear(id, info.physical_to_machine, 4000 * sizeof(uint64_t));
    std::vector<uint64_t> map(4000);
    ASSERT_EQ(bytes.size(), map.size() * sizeof map[0]);
    std::memcpy(map.data(), bytes.data(), bytes.size());
    EXPECT_TRUE(std::equal(frames.begin(), frames.end(), map.begin()));
    EXPECT_TRUE(std::all_of(map.begin() + 3000, map.end(), [](uint64_t frame) { return frame == RINGFOLD_NO_FRAME; }));
}

TEST_F(GuestBuilder, TextIsNotWritableAndPageTablesAreReadOnly) {
    const FakeDomain &domain = build();
    const auto id = static_cast<uint16_t>(domain.info.domain);
    const ringfold_start_info info = start_info(domain);
    const uint64_t text = fake.entry_of(id, kernel_base + 0x10'0000);
    EXPECT_FALSE(text & (RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_NO_EXECUTE));
    const uint64_t data = fake.entry_of(id, kernel_base + 0x20'3000);
    EXPECT_TRUE(data & RINGFOLD_ENTRY_WRITABLE);
    EXPECT_TRUE(data & RINGFOLD_ENTRY_NO_EXECUTE);
    for (uint64_t table = 0; table < info.page_table_count; ++table) {
        const uint64_t entry = fake.entry_of(id, kernel_base + ((info.page_tables + table) << page_shift));
        EXPECT_EQ((entry & RINGFOLD_ENTRY_FRAME_MASK) >> page_shift, frames[info.page_tables + table]);
        EXPECT_FALSE(entry & RINGFOLD_ENTRY_WRITABLE);
    }
}

TEST_F(GuestBuilder, GoesOnWhereItWasPreempted) {
    fake.preempt_every = 2;
    const FakeDomain &domain = build();
    EXPECT_EQ(domain.frames.size(), 3000U);
    EXPECT_EQ(domain.info.state, RINGFOLD_DOMAIN_RUNNING);
}

TEST_F(GuestBuilder, TakesSingleFramesWhereThereAreNoWholeExtents) {
    // Only every other frame of the machine is left, but for a few at its top.
    unsigned extents = 0;
    fake.fail = [&](uint32_t number) -> int64_t {
        return number == RINGFOLD_HYPERCALL_DOMAIN_POPULATE && extents++ == 0 ? -RINGFOLD_ENOMEM : 0;
    };
    EXPECT_EQ(build().frames.size(), 3000U);
}

TEST_F(GuestBuilder, WhatFailsHalfWayLeavesNothing) {
    const std::size_t free_before = fake.free_machine_frames.size();
    for (const uint32_t call : {RINGFOLD_HYPERCALL_DOMAIN_CREATE, RINGFOLD_HYPERCALL_DOMAIN_POPULATE}) {
        fake.fail = [&](uint32_t number) -> int64_t { return number == call ? -RINGFOLD_ENOMEM : 0; };
        const auto built = build_guest(hypervisor, plan);
        ASSERT_FALSE(built.ok());
        EXPECT_EQ(built.error().kind, Kind::memory);
        EXPECT_EQ(fake.domains.size(), 1U);
    }
    fake.fail = {};
    for (uint64_t nth = 0; nth < 3; ++nth) {
        fake.copies = 0;
        fake.fail_copy = [&](uint64_t copy) { return copy == nth; };
        EXPECT_FALSE(build_guest(hypervisor, plan).ok());
        EXPECT_EQ(fake.domains.size(), 1U);
        EXPECT_EQ(fake.free_machine_frames.size(), free_before);
    }
}

TEST_F(GuestBuilder, TooLittleMemoryIsSaidBeforeAnythingIsMade) {
    plan.memory = plan.maximum = FrameCount{512};
    fake.fail = [&](uint32_t) -> int64_t { return -RINGFOLD_EPERM; };
    const auto built = build_guest(hypervisor, plan);
    ASSERT_FALSE(built.ok());
    EXPECT_EQ(built.error().kind, Kind::configuration);
    EXPECT_NE(built.error().text.find("do not fit"), std::string::npos) << built.error().text;
}

TEST_F(GuestBuilder, MachineWithoutMemorySaysSo) {
    FakeHypervisor small(1000);
    const auto built = build_guest(Hypervisor{small}, plan);
    ASSERT_FALSE(built.ok());
    EXPECT_EQ(built.error().kind, Kind::memory);
    EXPECT_EQ(small.free_machine_frames.size(), 1000U);
}

TEST_F(GuestBuilder, ALongCommandLineIsRefused) {
    plan.command_line.assign(1023, 'x');
    EXPECT_TRUE(check_plan(plan).ok());
    plan.command_line += 'x';
    EXPECT_FALSE(check_plan(plan).ok());
}

// A model: all of it in one piece of memory.
TEST_F(GuestBuilder, WhatIsLentArrivesWithWhatIsWrittenBeforeAndAfter) {
    constexpr uint64_t pages = 8;
    ringfold_domain_configuration configuration{};
    std::strcpy(configuration.name, "one");
    configuration.maximum_frames = pages;
    configuration.vcpu_count = 1;
    const DomainId id = hypervisor.create(configuration).take();
    const std::vector<uint64_t> machine_frames = hypervisor.populate(id, FrameCount{pages}).take();
    const GuestMemory memory = GuestMemory::create(machine_frames, FrameCount{pages}).take();
    std::vector<std::byte> expected(pages * page_size);
    std::vector<std::byte> bytes(3 * page_size + 500);
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        bytes[index] = static_cast<std::byte>(index * 7 + index / page_size + 1);
    }
    const auto put = [&](bool lent, uint64_t physical, std::size_t size) {
        const auto part = std::span{bytes}.first(size);
        lent ? memory.lend(physical, part) : memory.write(physical, part);
        std::ranges::copy(part, expected.begin() + static_cast<std::ptrdiff_t>(physical));
    };
    put(false, page_size - 10, 20);             // pages 0 and 1
    put(true, page_size, 2 * page_size + 300);  // over what was written there; a tail in page 3
    put(true, 3 * page_size + 300, page_size);  // no whole page
    put(false, 2 * page_size + 100, 50);        // into a page that was lent
    memory.words(GuestFrame{1})[3] = 0x1122334455667788;
    const uint64_t word = 0x1122334455667788;
    std::memcpy(&expected[page_size + 24], &word, sizeof word);
    put(true, 6 * page_size, 2 * page_size);  // to the end; page 5 is not touched
    ASSERT_TRUE(memory.copy_to(hypervisor, id).ok());
    std::vector<std::byte> found(pages * page_size);
    ASSERT_TRUE(hypervisor.copy_out(id, machine_frames, found).ok());
    for (uint64_t page = 0; page < pages; ++page) {
        EXPECT_EQ(std::memcmp(&found[page * page_size], &expected[page * page_size], page_size), 0) << "page " << page;
    }
}

}  // namespace
}  // namespace ringfold::tools
