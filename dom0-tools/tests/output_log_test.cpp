// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/output_log.hpp"

#include "dom0-tools/tests/temporary_directory.hpp"

#include <gtest/gtest.h>

namespace ringfold::tools {
namespace {

std::string all_of(const OutputLog &log, uint64_t position = 0) {
    std::string text;
    while (position < log.end()) {
        const OutputPart part = log.read(position, 7).take();
        text += part.begin > position ? "[" + std::to_string(part.begin - position) + "]" : "";
        text += part.text;
        position = part.next;
    }
    return text;
}

class OutputLogTest : public testing::Test {
  protected:
    OutputLog open() { return OutputLog::open(directory.path(), "console", {.file_size = 10, .files = 3}).take(); }

    std::size_t files() {
        const std::filesystem::directory_iterator begin(directory.path());
        return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator{}));
    }

    TemporaryDirectory directory;
};

TEST_F(OutputLogTest, KeepsEachByteOnceAndRotates) {
    OutputLog log = open();
    EXPECT_EQ(log.end(), 0U);
    ASSERT_TRUE(log.append(0, "0123456789abc").ok());
    ASSERT_TRUE(log.append(10, "abcdef").ok());  // three of them are known
    EXPECT_EQ(all_of(log), "0123456789abcdef");
    EXPECT_EQ(all_of(log, 12), "cdef");
    ASSERT_TRUE(log.append(16, std::string(20, 'x')).ok());
    EXPECT_EQ(log.end(), 36U);
    EXPECT_EQ(files(), 3U);
    EXPECT_EQ(all_of(log), "[10]abcdefxxxxxxxxxxxxxxxxxxxx");
}

TEST_F(OutputLogTest, GoesOnWhereAKilledOneStopped) {
    {
        OutputLog log = open();
        ASSERT_TRUE(log.append(0, "hello, world").ok());
    }
    OutputLog log = open();
    EXPECT_EQ(log.end(), 12U);
    ASSERT_TRUE(log.append(12, "!").ok());
    EXPECT_EQ(all_of(log), "hello, world!");
}

TEST_F(OutputLogTest, SaysWhatIsLost) {
    OutputLog log = open();
    ASSERT_TRUE(log.append(0, "abc").ok());
    ASSERT_TRUE(log.append(100, "def").ok());
    EXPECT_EQ(all_of(log), "abc[97]def");
    EXPECT_EQ(all_of(open()), "abc[97]def");
}

TEST_F(OutputLogTest, AForeignFileIsLeftAlone) {
    ASSERT_TRUE(open().append(0, "abc").ok());
    std::filesystem::copy(directory.path() / "console.00000000000000000000", directory.path() / "console.old");
    std::filesystem::copy(directory.path() / "console.old", directory.path() / "console.0000000000000000000x");
    EXPECT_EQ(all_of(open()), "abc");
}

TEST_F(OutputLogTest, AFullDiskIsAFailureAndNotALie) {
    OutputLog log = OutputLog::open("/proc", "console").take();
    EXPECT_FALSE(log.append(0, "abc").ok());
    EXPECT_EQ(log.end(), 0U);
}

}  // namespace
}  // namespace ringfold::tools
