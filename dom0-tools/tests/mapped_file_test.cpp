// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/mapped_file.hpp"

#include "dom0-tools/tests/supervisor_world.hpp"

#include <ringfold/hypercall_numbers.h>

#include <algorithm>

namespace ringfold::tools {

namespace {

// What a linker does to a kernel that is linked again.
void truncate(const std::string &path) { std::ofstream{path, std::ios::trunc}; }

TEST(MappedFile, OneThatBecomesShorterIsZerosAndKnown) {
    survive_truncation();
    const TemporaryDirectory directory;
    const std::string path = directory.path() / "file";
    std::ofstream(path) << std::string(3 * 4096, 'x');
    const MappedFile file = MappedFile::open(path).take();
    EXPECT_TRUE(file.check_unchanged().ok());
    truncate(path);
    const auto bytes = file.bytes();
    EXPECT_TRUE(std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; }));
    EXPECT_EQ(file.check_unchanged().error().text, path + ": changed while it was read");
}

TEST(MappedFile, OneThatIsReplacedStaysAsItWas) {
    const TemporaryDirectory directory;
    const std::string path = directory.path() / "file";
    std::ofstream(path) << "old";
    const MappedFile file = MappedFile::open(path).take();
    std::ofstream(path + ".new") << "new";
    std::filesystem::rename(path + ".new", path);
    EXPECT_EQ(file.text(), "old");
    EXPECT_TRUE(file.check_unchanged().ok());
}

class ChangingKernel : public SupervisorWorld {};

TEST_F(ChangingKernel, NoGuestIsMadeOfTwoKernels) {
    survive_truncation();
    const std::size_t free_before = fake.free_machine_frames.size();
    fake.fail = [this](uint32_t number) -> int64_t {
        if (number == RINGFOLD_HYPERCALL_DOMAIN_POPULATE) {
            truncate(kernel_path);
        }
        return 0;
    };
    const auto created = create(config());
    EXPECT_EQ(created.error().text, kernel_path + ": changed while it was read");
    EXPECT_EQ(created.error().kind, Kind::busy);
    EXPECT_EQ(fake.domains.size(), 1U);
    EXPECT_EQ(fake.free_machine_frames.size(), free_before);
}

}  // namespace

}  // namespace ringfold::tools
