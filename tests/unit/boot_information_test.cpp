// SPDX-License-Identifier: Apache-2.0
//
// Multiboot 1 and 2: what a good loader leaves is taken over; whatever a bad one leaves is refused with a reason and
// never read past its end (every byte handed to the parser is a heap copy of exact size, so AddressSanitizer watches).
#include "hypervisor/boot/boot_information.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "hypervisor/mm/virtual_map.hpp"
#include "random_seed.hpp"

namespace ringfold {
namespace {

// Physical memory from `base` on.
class Memory {
  public:
    static constexpr uint64_t base = 0x1000;

    uint64_t append(const void *bytes, std::size_t size) {
        const uint64_t at = base + bytes_.size();
        const auto *first = static_cast<const uint8_t *>(bytes);
        bytes_.insert(bytes_.end(), first, first + size);
        return at;
    }
    template <typename T>
    uint64_t append(T value) {
        return append(&value, sizeof value);
    }
    uint64_t append_text(std::string_view text) {
        const uint64_t at = append(text.data(), text.size());
        append(uint8_t{0});
        return at;
    }
    void align(std::size_t alignment) {
        while (bytes_.size() % alignment != 0) {
            bytes_.push_back(0);
        }
    }
    template <typename T>
    void put(uint64_t address, T value) {
        std::memcpy(bytes_.data() + (address - base), &value, sizeof value);
    }
    [[nodiscard]] uint64_t end() const { return base + bytes_.size(); }
    std::vector<uint8_t> &bytes() { return bytes_; }

    Expected<void, BootProblem> parse(uint32_t magic, uint64_t address, BootInformation &result) {
        copies_.clear();
        return parse_boot_information(magic, MachineAddress{address}, PhysicalReader{read, this}, result);
    }

  private:
    static Result<ByteSpan> read(const void *context, MachineAddress address, uint64_t size) {
        const auto &self = *static_cast<const Memory *>(context);
        const uint64_t at = address.raw() - base;
        if (at > self.bytes_.size() || size > self.bytes_.size() - at) {
            return Error::out_of_range;
        }
        auto copy = std::make_unique<uint8_t[]>(size);
        std::copy_n(self.bytes_.begin() + static_cast<std::ptrdiff_t>(at), size, copy.get());
        self.copies_.push_back(std::move(copy));
        return ByteSpan{self.copies_.back().get(), size};
    }

    std::vector<uint8_t> bytes_;
    mutable std::vector<std::unique_ptr<uint8_t[]>> copies_;
};

constexpr uint32_t flags_all = 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9;

struct Multiboot1 {
    Memory memory;
    uint64_t information = 0;
    uint64_t modules = 0;
    uint64_t map = 0;

    Multiboot1() {
        const uint64_t command_line = memory.append_text("ringfold loglevel=debug");
        const uint64_t loader = memory.append_text("tester 1");
        const uint64_t first = memory.append_text("kernel a=1");
        modules = memory.append(std::array<uint32_t, 8>{0x40'0000, 0x40'1000, static_cast<uint32_t>(first), 0,  //
                                                        0x50'0000, 0x50'0001, 0, 0});
        map = memory.end();
        for (const auto &[begin, length, type] :
             {std::tuple{0ull, 0x9fc00ull, 1u}, {0xf0000ull, 0x10000ull, 2u}, {0x10'0000ull, 0x700'0000ull, 1u}}) {
            memory.append(uint32_t{20});
            memory.append(uint64_t{begin});
            memory.append(uint64_t{length});
            memory.append(uint32_t{type});
        }
        information = memory.append(std::array<uint32_t, 22>{});
        memory.put(information, flags_all);
        memory.put(information + 16, static_cast<uint32_t>(command_line));
        memory.put(information + 20, uint32_t{2});
        memory.put(information + 24, static_cast<uint32_t>(modules));
        memory.put(information + 44, uint32_t{72});
        memory.put(information + 48, static_cast<uint32_t>(map));
        memory.put(information + 64, static_cast<uint32_t>(loader));
    }
    Expected<void, BootProblem> parse(BootInformation &result) {
        return memory.parse(multiboot1_loader_magic, information, result);
    }
    BootProblem problem() {
        BootInformation result;
        const auto parsed = parse(result);
        EXPECT_FALSE(parsed.ok());
        return parsed.error();
    }
};

void expect_the_usual(const BootInformation &result) {
    EXPECT_EQ(result.command_line(), "ringfold loglevel=debug");
    EXPECT_EQ(result.loader(), "tester 1");
    ASSERT_EQ(result.memory.size(), 3u);
    EXPECT_EQ(result.memory[1].begin, MachineAddress{0xf0000});
    EXPECT_EQ(result.memory[1].type, MemoryType::reserved);
    EXPECT_EQ(result.memory_end(), MachineAddress{0x710'0000});
    ASSERT_EQ(result.modules.size(), 2u);
    EXPECT_EQ(result.modules[0].begin, MachineAddress{0x40'0000});
    EXPECT_EQ(result.modules[0].end, MachineAddress{0x40'1000});
    EXPECT_EQ(result.text_of(result.modules[0]), "kernel a=1");
    EXPECT_EQ(result.text_of(result.modules[1]), "");
}

TEST(Multiboot1, TakesOverWhatTheLoaderLeft) {
    Multiboot1 loader;
    BootInformation result;
    ASSERT_TRUE(loader.parse(result).ok());
    std::fill(loader.memory.bytes().begin(), loader.memory.bytes().end(), uint8_t{0xee});  // all of it was copied
    expect_the_usual(result);
    EXPECT_FALSE(result.acpi.has_value());
}

TEST(Multiboot1, NamesWhatIsWrong) {
    {
        Multiboot1 loader;
        BootInformation result;
        EXPECT_EQ(loader.memory.parse(0x1badb002, loader.information, result).error(), BootProblem::unknown_loader);
    }
    {
        Multiboot1 loader;
        loader.information = loader.memory.end() - 40;
        EXPECT_EQ(loader.problem(), BootProblem::unreadable);
    }
    {
        Multiboot1 loader;
        loader.memory.put(loader.information, flags_all & ~(1u << 6));
        EXPECT_EQ(loader.problem(), BootProblem::no_memory_map);
    }
    {
        Multiboot1 loader;
        loader.memory.put(loader.information + 44, uint32_t{0});
        EXPECT_EQ(loader.problem(), BootProblem::no_memory_map);
    }
    {
        Multiboot1 loader;
        loader.memory.put(loader.information + 44, uint32_t{71});  // the last entry is cut short
        EXPECT_EQ(loader.problem(), BootProblem::truncated);
    }
    {
        Multiboot1 loader;
        loader.memory.put(loader.map, uint32_t{19});
        EXPECT_EQ(loader.problem(), BootProblem::truncated);
    }
    {
        Multiboot1 loader;
        loader.memory.put(loader.map, ~uint32_t{0});
        EXPECT_EQ(loader.problem(), BootProblem::truncated);
    }
    {
        Multiboot1 loader;
        loader.memory.put(loader.map + 4, ~uint64_t{0});
        EXPECT_EQ(loader.problem(), BootProblem::bad_memory_range);
    }
    {
        Multiboot1 loader;
        loader.memory.put(loader.modules + 4, uint32_t{0x40'0000});
        EXPECT_EQ(loader.problem(), BootProblem::bad_module);
    }
    {
        Multiboot1 loader;
        loader.memory.put(loader.information + 20, uint32_t{max_boot_modules + 1});
        EXPECT_EQ(loader.problem(), BootProblem::too_many_modules);
    }
    {
        Multiboot1 loader;
        loader.memory.put(loader.information + 16, uint32_t{0xffff'fff0});
        EXPECT_EQ(loader.problem(), BootProblem::unreadable);
    }
    {
        Multiboot1 loader;
        const uint64_t endless = loader.memory.end();
        loader.memory.bytes().resize(loader.memory.bytes().size() + 8192, 'x');
        loader.memory.put(loader.information + 16, static_cast<uint32_t>(endless));
        EXPECT_EQ(loader.problem(), BootProblem::text_unterminated);
    }
}

// A multiboot2 information structure, tag by tag.
struct Multiboot2 {
    Memory memory;
    uint64_t information = 0;

    Multiboot2() {
        information = memory.append(uint64_t{0});
        add_text(1, "ringfold loglevel=debug");
        add_text(2, "tester 1");
        add(99, {1, 2, 3});  // unknown
        std::vector<uint8_t> map(8 + 3 * 24);
        put32(map, 0, 24);
        put_range(map, 8, 0, 0x9fc00, 1);
        put_range(map, 32, 0xf0000, 0x10000, 2);
        put_range(map, 56, 0x10'0000, 0x700'0000, 1);
        add(6, map);
        add_module(0x40'0000, 0x40'1000, "kernel a=1");
        add_module(0x50'0000, 0x50'0001, "");
    }

    static void put32(std::vector<uint8_t> &body, std::size_t at, uint32_t value) {
        std::memcpy(body.data() + at, &value, sizeof value);
    }
    static void put_range(std::vector<uint8_t> &body, std::size_t at, uint64_t base, uint64_t length, uint32_t type) {
        std::memcpy(body.data() + at, &base, 8);
        std::memcpy(body.data() + at + 8, &length, 8);
        put32(body, at + 16, type);
    }
    uint64_t add(uint32_t type, const std::vector<uint8_t> &body) {
        const uint64_t at = memory.append(type);
        memory.append(static_cast<uint32_t>(8 + body.size()));
        memory.append(body.data(), body.size());
        memory.align(8);
        return at;
    }
    void add_text(uint32_t type, std::string_view text) {
        std::vector<uint8_t> body(text.begin(), text.end());
        body.push_back(0);
        add(type, body);
    }
    void add_module(uint32_t begin, uint32_t end, std::string_view text) {
        std::vector<uint8_t> body(8);
        put32(body, 0, begin);
        put32(body, 4, end);
        body.insert(body.end(), text.begin(), text.end());
        body.push_back(0);
        add(3, body);
    }
    void finish() {
        add(0, {});
        memory.put(information, static_cast<uint32_t>(memory.end() - information));
    }
    Expected<void, BootProblem> parse(BootInformation &result) {
        return memory.parse(multiboot2_loader_magic, information, result);
    }
    BootProblem problem() {
        BootInformation result;
        const auto parsed = parse(result);
        EXPECT_FALSE(parsed.ok());
        return parsed.error();
    }
};

TEST(Multiboot2, TakesOverWhatTheLoaderLeft) {
    Multiboot2 loader;
    std::vector<uint8_t> old(20, 0x11);
    std::vector<uint8_t> recent(36, 0x22);
    loader.add(15, recent);
    loader.add(14, old);
    loader.finish();
    BootInformation result;
    ASSERT_TRUE(loader.parse(result).ok());
    std::fill(loader.memory.bytes().begin(), loader.memory.bytes().end(), uint8_t{0xee});
    expect_the_usual(result);
    ASSERT_TRUE(result.acpi.has_value());
    EXPECT_EQ(result.acpi->size, 36);  // the newer one, whatever the order
    EXPECT_EQ(result.acpi->bytes[35], 0x22);
}

TEST(Multiboot2, NamesWhatIsWrong) {
    {
        Multiboot2 loader;
        loader.memory.put(loader.information, static_cast<uint32_t>(loader.memory.end() - loader.information));
        EXPECT_EQ(loader.problem(), BootProblem::truncated);  // no end tag
    }
    {
        Multiboot2 loader;
        loader.finish();
        loader.memory.put(loader.information, uint32_t{8});
        EXPECT_EQ(loader.problem(), BootProblem::truncated);
    }
    {
        Multiboot2 loader;
        loader.finish();
        loader.memory.put(loader.information, uint32_t{1u << 30});
        EXPECT_EQ(loader.problem(), BootProblem::truncated);
    }
    {
        Multiboot2 loader;
        loader.finish();
        loader.memory.put(loader.information, static_cast<uint32_t>(loader.memory.end() - loader.information + 8));
        EXPECT_EQ(loader.problem(), BootProblem::unreadable);
    }
    for (const uint32_t size : {0u, 7u, 0x7fff'ffffu, ~0u}) {
        Multiboot2 loader;
        const uint64_t tag = loader.add(99, {});
        loader.finish();
        loader.memory.put(tag + 4, size);
        EXPECT_EQ(loader.problem(), BootProblem::truncated) << size;
    }
    for (const auto &[type, size] : {std::pair{3u, 7u}, {6u, 7u}, {14u, 19u}, {15u, 35u}}) {
        Multiboot2 loader;
        loader.add(type, std::vector<uint8_t>(size));
        loader.finish();
        EXPECT_EQ(loader.problem(), BootProblem::bad_tag) << type;
    }
    for (const uint32_t entry_size : {0u, 16u, 25u, ~0u}) {
        Multiboot2 loader;
        std::vector<uint8_t> map(8 + 24);
        Multiboot2::put32(map, 0, entry_size);
        loader.add(6, map);
        loader.finish();
        const BootProblem problem = loader.problem();
        EXPECT_TRUE(problem == BootProblem::bad_tag || problem == BootProblem::truncated) << entry_size;
    }
    {
        Multiboot2 loader;
        loader.add(1, {'n', 'o', ' ', 'e', 'n', 'd'});
        loader.finish();
        EXPECT_EQ(loader.problem(), BootProblem::text_unterminated);
    }
    {
        Multiboot2 loader;
        loader.add_module(0x2000, 0x2000, "empty");
        loader.finish();
        EXPECT_EQ(loader.problem(), BootProblem::bad_module);
    }
    {
        Multiboot2 loader;
        for (std::size_t i = 0; i < max_boot_modules; ++i) {
            loader.add_module(0x2000, 0x3000, "m");
        }
        loader.finish();
        EXPECT_EQ(loader.problem(), BootProblem::too_many_modules);
    }
    {
        Multiboot2 loader;
        for (int i = 0; i < 5; ++i) {
            loader.add_text(1, std::string(4000, 'x'));
        }
        loader.finish();
        EXPECT_EQ(loader.problem(), BootProblem::text_too_long);
    }
    {
        Multiboot2 loader;
        std::vector<uint8_t> map(8 + 24 * max_memory_ranges);
        Multiboot2::put32(map, 0, 24);
        for (std::size_t i = 0; i < max_memory_ranges; ++i) {
            Multiboot2::put_range(map, 8 + 24 * i, 0x1000 * i, 0x1000, 1);
        }
        loader.add(6, map);
        loader.finish();
        EXPECT_EQ(loader.problem(), BootProblem::too_many_memory_ranges);
    }
}

TEST(MemoryRanges, AreClippedToWhatTheDirectMapReaches) {
    BootInformation result;
    const uint64_t highest = virtual_map::highest_machine_address;
    EXPECT_TRUE(add_memory_range(highest - 0x1000, 0x5000, 1, result).ok());
    EXPECT_TRUE(add_memory_range(highest, 0x5000, 1, result).ok());
    EXPECT_TRUE(add_memory_range(0x1000, 0, 1, result).ok());
    EXPECT_TRUE(add_memory_range(0x2000, 0x1000, 77, result).ok());
    EXPECT_EQ(add_memory_range(0x2000, ~uint64_t{0}, 1, result).error(), BootProblem::bad_memory_range);
    ASSERT_EQ(result.memory.size(), 2u);
    EXPECT_EQ(result.memory[0].end, MachineAddress{highest});
    EXPECT_EQ(result.memory[1].type, MemoryType::reserved);  // a type that nobody knows is not used
}

// Whatever bytes change, the parser ends with a result or a reason, and reads nothing it may not.
template <typename Loader>
void survive_mutations(Loader &good) {
    std::mt19937_64 random{test::random_seed()};
    const std::vector<uint8_t> pristine = good.memory.bytes();
    for (int round = 0; round < 20'000; ++round) {
        good.memory.bytes() = pristine;
        for (uint64_t change = 1 + random() % 4; change != 0; --change) {
            const std::size_t at = random() % pristine.size();
            good.memory.bytes()[at] = static_cast<uint8_t>(random() % 4 == 0 ? 0xff : random());
        }
        auto result = std::make_unique<BootInformation>();
        if (good.parse(*result).ok()) {
            ASSERT_FALSE(result->memory.empty());
            for (const MemoryRange &range : result->memory) {
                ASSERT_LT(range.begin, range.end);
                ASSERT_LE(range.end.raw(), virtual_map::highest_machine_address);
            }
            for (const BootModule &module : result->modules) {
                ASSERT_LT(module.begin, module.end);
            }
        }
    }
}

TEST(Multiboot1, SurvivesRandomChanges) {
    Multiboot1 loader;
    survive_mutations(loader);
}

TEST(Multiboot2, SurvivesRandomChanges) {
    Multiboot2 loader;
    loader.finish();
    survive_mutations(loader);
}

}  // namespace
}  // namespace ringfold
