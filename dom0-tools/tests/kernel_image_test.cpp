// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/kernel_image.hpp"

#include "dom0-tools/tests/kernel_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace ringfold::tools {
namespace {

std::string refusal(std::string_view file) {
    const auto kernel = KernelImage::parse(as_bytes(file));
    return kernel.ok() ? "" : kernel.error().text;
}

bool says(const std::string &text, std::string_view part) { return text.find(part) != std::string::npos; }

class KernelImageFormat : public testing::TestWithParam<std::string> {};

TEST_P(KernelImageFormat, AnElfImageComesOutAsItWentIn) {
    const std::string elf = make_kernel({.filler = 20'000'000});
    const std::string file = GetParam() == "none" ? elf : make_bzimage(pack(elf, GetParam()));
    const auto kernel = KernelImage::parse(as_bytes(file));
    ASSERT_TRUE(kernel.ok()) << kernel.error().text;
    EXPECT_TRUE(std::ranges::equal(kernel.value().elf(), as_bytes(elf)));
    EXPECT_EQ(kernel.value().image().entry.raw(), kernel_base + 0x10'0004);
}

TEST_P(KernelImageFormat, ACutOffFileIsRefusedAtEveryLength) {
    const std::string elf = make_kernel();
    const std::string file = GetParam() == "none" ? elf : make_bzimage(pack(elf, GetParam()));
    const std::size_t needed = GetParam() == "none" ? 0x3000 : file.size() - 100;
    for (std::size_t length = 0; length < needed; length += 13) {
        const auto kernel = KernelImage::parse(as_bytes(std::string_view{file}.substr(0, length)));
        ASSERT_FALSE(kernel.ok()) << length;
        EXPECT_EQ(kernel.error().kind, Kind::image);
        EXPECT_FALSE(kernel.error().text.empty());
    }
}

TEST_P(KernelImageFormat, NoDamagedByteBreaksTheReader) {
    const std::string elf = make_kernel();
    const std::string file = GetParam() == "none" ? elf : make_bzimage(pack(elf, GetParam()));
    for (std::size_t index = 0; index < file.size(); index += index < 0x900 ? 1 : 7) {
        std::string damaged = file;
        damaged[index] = static_cast<char>(damaged[index] ^ 0x55);
        const auto kernel = KernelImage::parse(as_bytes(damaged), 2 * elf.size());
        EXPECT_TRUE(kernel.ok() || !kernel.error().text.empty());
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, KernelImageFormat, testing::Values("none", "gzip", "xz", "lz4", "zstd"),
                         [](const auto &format) { return format.param; });

TEST(KernelImage, OneWithoutANoteIsRefusedWithTheReason) {
    const std::string elf = make_kernel({.with_note = false});
    for (const std::string &file : {elf, make_bzimage(pack(elf, "gzip"))}) {
        EXPECT_TRUE(says(refusal(file), "no Ringfold note names the ABI version")) << refusal(file);
        EXPECT_TRUE(says(refusal(file), "CONFIG_RINGFOLD"));
    }
}

TEST(KernelImage, AnElfImageIsOneWhateverStandsInIt) {
    std::string elf = make_kernel();
    elf.replace(0x202, 4, "HdrS");
    EXPECT_EQ(refusal(elf), "");
}

TEST(KernelImage, WhatIsNoKernelIsNamed) {
    EXPECT_TRUE(says(refusal("hello"), "neither an ELF image nor a bzImage"));
    EXPECT_TRUE(says(refusal(make_bzimage("BZh91AY&SY")), "bzip2"));
    EXPECT_TRUE(says(refusal(make_bzimage("what is this")), "no known way"));
    EXPECT_TRUE(says(refusal(make_bzimage(pack("hello", "gzip"))), "shorter than an ELF header"));
}

TEST(Decompress, StopsAtItsLimit) {
    const std::string zeros(3'000'000, '\0');
    for (const char *format : {"gzip", "xz", "lz4", "zstd"}) {
        const std::string packed = pack(zeros, format);
        EXPECT_TRUE(decompress(as_bytes(packed), zeros.size() + 1).ok()) << format;
        const auto refused = decompress(as_bytes(packed), 1'000'000);
        ASSERT_FALSE(refused.ok()) << format;
        EXPECT_TRUE(says(refused.error().text, "larger than")) << refused.error().text;
    }
}

}  // namespace
}  // namespace ringfold::tools
