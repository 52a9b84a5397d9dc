// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/core_dump.hpp"

#include "dom0-tools/library/guest_builder.hpp"
#include "dom0-tools/tests/fake_hypervisor.hpp"
#include "dom0-tools/tests/kernel_file.hpp"
#include "dom0-tools/tests/temporary_directory.hpp"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

namespace ringfold::tools {
namespace {

class CoreDump : public testing::Test {
  protected:
    CoreDump() {
        plan.name = "guest";
        plan.memory = plan.maximum = FrameCount{3000};
        plan.kernel = &kernel;
        built = build_guest(hypervisor, plan).take();
        EXPECT_TRUE(start_guest(hypervisor, built).ok());
    }

    CoreSummary write() {
        const auto summary = write_core(hypervisor, built.id, built.frames, built.map, path);
        EXPECT_TRUE(summary.ok()) << summary.error().text;
        std::ifstream written(path, std::ios::binary);
        core.assign(std::istreambuf_iterator<char>(written), {});
        return summary.ok() ? summary.value() : CoreSummary{};
    }

    template <typename T>
    T at(uint64_t offset) {
        T value{};
        std::memcpy(&value, core.data() + offset, sizeof value);
        return value;
    }

    // What a debugger reads at a linear address.
    std::string memory(uint64_t address, std::size_t size) {
        const auto header = at<Elf64_Ehdr>(0);
        for (unsigned index = 0; index < header.e_phnum; ++index) {
            const auto segment = at<Elf64_Phdr>(header.e_phoff + index * sizeof(Elf64_Phdr));
            if (segment.p_type == PT_LOAD && address - segment.p_vaddr < segment.p_filesz) {
                return core.substr(segment.p_offset + (address - segment.p_vaddr), size);
            }
        }
        return {};
    }

    TemporaryDirectory directory;
    std::filesystem::path path = directory.path() / "core";
    FakeHypervisor fake;
    Hypervisor hypervisor{fake};
    std::string file = make_kernel();
    KernelImage kernel = KernelImage::parse(as_bytes(file)).take();
    GuestPlan plan;
    BuiltGuest built;
    std::string core;
};

TEST_F(CoreDump, ADebuggerFindsTheKernelAtItsAddresses) {
    const CoreSummary summary = write();
    EXPECT_EQ(summary.pages, 3000U);
    EXPECT_EQ(summary.missing, 0U);
    EXPECT_EQ(summary.vcpus, 1U);
    EXPECT_EQ(at<Elf64_Ehdr>(0).e_type, ET_CORE);
    EXPECT_EQ(memory(kernel_base + 0x10'0000, kernel_text.size()), kernel_text);
    EXPECT_EQ(memory(kernel_base + 0x20'0000, kernel_data.size()), kernel_data);
    EXPECT_EQ(fake.domains.at(built.id.raw()).info.pauses, 0U);
}

TEST_F(CoreDump, AFrameThatIsGoneIsCountedAndZero) {
    FakeDomain &domain = fake.domains.at(built.id.raw());
    domain.frames.erase(built.frames[0x100]);
    EXPECT_EQ(write().missing, 1U);
    EXPECT_EQ(memory(kernel_base + 0x10'0000, 4), std::string(4, '\0'));
    EXPECT_EQ(memory(kernel_base + 0x20'0000, kernel_data.size()), kernel_data);
}

// The guest gave a page's frame away, and has a new one somewhere else: its own map says so.
TEST_F(CoreDump, FollowsTheGuestsMap) {
    FakeDomain &domain = fake.domains.at(built.id.raw());
    ASSERT_EQ(built.map.entries, 3000U);
    const uint64_t gone = built.frames[2900];
    const uint64_t moved = 0x7'7777;
    domain.frames[moved] = domain.frames.at(built.frames[0x100]);
    domain.frames.erase(built.frames[0x100]);
    domain.frames.erase(gone);
    const auto set = [&](uint64_t physical, uint64_t machine) {
        FakePage &page = domain.frames.at(built.frames[built.map.first_frame + physical / 512]);
        std::memcpy(&page[physical % 512 * sizeof machine], &machine, sizeof machine);
    };
    set(0x100, moved);
    set(2900, RINGFOLD_NO_FRAME);
    const std::vector<uint64_t> now = read_physical_map(hypervisor, built.id, built.frames, built.map);
    ASSERT_EQ(now.size(), 3000U);
    EXPECT_EQ(now[0x100], moved);
    EXPECT_EQ(now[2900], RINGFOLD_NO_FRAME);
    EXPECT_EQ(now[0x101], built.frames[0x101]);
    fake.end(built.id.raw(), RINGFOLD_SHUTDOWN_CRASH);
    const CoreSummary summary = write();
    EXPECT_EQ(summary.pages, 2999U);
    EXPECT_EQ(summary.missing, 0U);
    EXPECT_EQ(memory(0x10'0000, kernel_text.size()), kernel_text);
    EXPECT_EQ(memory(2900 << page_shift, 4), std::string(4, '\0'));
    EXPECT_EQ(read_physical_map(hypervisor, built.id, built.frames, {}), built.frames);  // nobody knows where it is
}

TEST_F(CoreDump, AnEndedDomainHasMemoryWithoutRegisters) {
    fake.end(built.id.raw(), RINGFOLD_SHUTDOWN_CRASH);
    const CoreSummary summary = write();
    EXPECT_EQ(summary.vcpus, 0U);
    EXPECT_EQ(summary.segments, 1U);
    EXPECT_EQ(memory(0x10'0000, kernel_text.size()), kernel_text);
}

}  // namespace
}  // namespace ringfold::tools
