// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/core_dump.hpp"

#include "dom0-tools/library/core_note.hpp"
#include "dom0-tools/library/guest_builder.hpp"
#include "dom0-tools/library/linear_map.hpp"
#include "dom0-tools/tests/fake_hypervisor.hpp"
#include "dom0-tools/tests/kernel_file.hpp"
#include "dom0-tools/tests/temporary_directory.hpp"
#include "hypervisor/mm/entry.hpp"

#include <ringfold/hypercall_numbers.h>
#include <ringfold/start_info.h>

#include <elf.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <map>
#include <vector>

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
        core.resize(std::filesystem::file_size(path));
        written.read(core.data(), static_cast<std::streamsize>(core.size()));
        return summary.ok() ? summary.value() : CoreSummary{};
    }

    template <typename T>
    T at(uint64_t offset) {
        T value{};
        std::memcpy(&value, core.data() + offset, sizeof value);
        return value;
    }

    // Of the segment that has the address; `begin` says which kind of address it is.
    std::string segment_bytes(Elf64_Addr Elf64_Phdr::*begin, uint64_t address, std::size_t size) {
        const auto header = at<Elf64_Ehdr>(0);
        for (unsigned index = 0; index < header.e_phnum; ++index) {
            const auto segment = at<Elf64_Phdr>(header.e_phoff + index * sizeof(Elf64_Phdr));
            if (segment.p_type == PT_LOAD && address - segment.*begin < segment.p_filesz) {
                return core.substr(segment.p_offset + (address - segment.*begin), size);
            }
        }
        return {};
    }

    // What a debugger reads at a linear address.
    std::string memory(uint64_t address, std::size_t size) {
        return segment_bytes(&Elf64_Phdr::p_vaddr, address, size);
    }

    // What crash reads at an address that it finds in a page table.
    std::string physical_memory(uint64_t address, std::size_t size) {
        return segment_bytes(&Elf64_Phdr::p_paddr, address, size);
    }

    // The same at a linear address: through the page tables of the core, from a pseudo-physical root. `place`: where
    // the last entry is.
    std::string walk(uint64_t root, uint64_t address, std::size_t size, uint64_t *place = nullptr) {
        uint64_t table = root << page_shift;
        for (unsigned level = 4; level >= 1; --level) {
            const uint64_t slot =
                table + (address >> (page_shift + 9 * (level - 1)) & (table_entries - 1)) * sizeof table;
            const std::string bytes = physical_memory(slot, sizeof table);
            uint64_t word = 0;
            std::memcpy(&word, bytes.data(), bytes.size());
            if (place != nullptr) {
                *place = slot;
            }
            if (!Entry{word}.present()) {
                return {};
            }
            table = Entry{word}.frame().raw() << page_shift;
        }
        return physical_memory(table + address % page_size, size);
    }

    FakeDomain &domain() { return fake.domains.at(built.id.raw()); }
    uint64_t root() { return domain().physical_frames.at(domain().context.root); }

    // All notes of the core of an owner.
    std::vector<std::string> notes(const std::string &owner) {
        const auto segment = at<Elf64_Phdr>(at<Elf64_Ehdr>(0).e_phoff);
        std::vector<std::string> found;
        for (uint64_t place = segment.p_offset; place < segment.p_offset + segment.p_filesz;) {
            const auto note = at<Elf64_Nhdr>(place);
            const uint64_t contents = place + sizeof note + note_padded(note.n_namesz);
            if (core.compare(place + sizeof note, note.n_namesz, owner.c_str(), owner.size() + 1) == 0) {
                found.push_back(core.substr(contents, note.n_descsz));
            }
            place = contents + note_padded(note.n_descsz);
        }
        return found;
    }

    // What the guest writes.
    void write_physical(uint64_t address, const void *bytes, std::size_t size) {
        FakePage &page = domain().frames.at(built.frames[address / page_size]);
        std::memcpy(&page[address % page_size], bytes, size);
    }
    void leave_note(uint64_t address, uint64_t size) {
        const std::array<uint64_t, 2> place{address, size};
        write_physical((built.map.start_info << page_shift) + offsetof(ringfold_start_info, core_note), place.data(),
                       sizeof place);
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
    EXPECT_EQ(physical_memory(0x10'0000, kernel_text.size()), kernel_text);
    EXPECT_EQ(physical_memory(2900 << page_shift, 4), "");  // in no segment
    EXPECT_FALSE(physical_memory(2899 << page_shift, 4).empty());
    EXPECT_EQ(read_physical_map(hypervisor, built.id, built.frames, {}), built.frames);  // nobody knows where it is
}

TEST_F(CoreDump, AnEndedDomainHasItsMemoryAtTheSameAddresses) {
    fake.end(built.id.raw(), RINGFOLD_SHUTDOWN_CRASH);
    const CoreSummary summary = write();
    EXPECT_EQ(summary.vcpus, 0U);
    EXPECT_EQ(memory(kernel_base + 0x10'0000, kernel_text.size()), kernel_text);
    EXPECT_EQ(physical_memory(0x10'0000, kernel_text.size()), kernel_text);
}

// By its physical address; at a linear one that no debugger asks for.
TEST_F(CoreDump, WhatTheKernelHasNotMappedIsInItToo) {
    fake.end(built.id.raw(), RINGFOLD_SHUTDOWN_CRASH);
    domain().tables.clear();
    const CoreSummary summary = write();
    EXPECT_EQ(summary.segments, 1U);
    EXPECT_EQ(physical_memory(0x10'0000, kernel_text.size()), kernel_text);
    EXPECT_EQ(memory((uint64_t{1} << 47) + 0x10'0000, kernel_text.size()), kernel_text);
    EXPECT_EQ(memory(0x10'0000, 1), "");
}

// As crash wants it, which takes an aligned segment for another kind of file.
TEST_F(CoreDump, SegmentsAreInTheOrderOfMemoryAndNotAligned) {
    write();
    const auto header = at<Elf64_Ehdr>(0);
    ASSERT_GE(header.e_phnum, 2U);
    uint64_t last = 0;
    for (unsigned index = 1; index < header.e_phnum; ++index) {
        const auto segment = at<Elf64_Phdr>(header.e_phoff + index * sizeof(Elf64_Phdr));
        EXPECT_EQ(segment.p_align, 0U);
        EXPECT_GE(segment.p_paddr, last);
        last = segment.p_paddr;
    }
}

TEST_F(CoreDump, PageTablesNamePhysicalFrames) {
    ASSERT_NE(domain().context.root, root());
    const std::map<uint64_t, FakePage> before = domain().frames;
    write();
    EXPECT_EQ(walk(root(), kernel_base + 0x10'0000, kernel_text.size()), kernel_text);
    EXPECT_EQ(walk(root(), kernel_base + 0x20'0000, kernel_data.size()), kernel_data);
    EXPECT_EQ(domain().frames, before);  // the guest's own are as they were
}

TEST_F(CoreDump, OnlyPageTablesAreChanged) {
    const uint64_t looks_like_an_entry = built.frames[7] << page_shift | RINGFOLD_ENTRY_PRESENT;
    write_physical(2500 << page_shift, &looks_like_an_entry, sizeof looks_like_an_entry);
    write();
    EXPECT_EQ(physical_memory(2500 << page_shift, sizeof looks_like_an_entry),
              std::string(reinterpret_cast<const char *>(&looks_like_an_entry), sizeof looks_like_an_entry));
}

TEST_F(CoreDump, EntriesThatLeadOutOfTheGuestAreNotPresent) {
    uint64_t place = 0;
    write();
    ASSERT_FALSE(walk(root(), kernel_base + 0x10'0000, 1, &place).empty());
    const uint64_t lent = uint64_t{0x5'5555} << page_shift | RINGFOLD_ENTRY_PRESENT;
    write_physical(place, &lent, sizeof lent);
    write();
    EXPECT_EQ(physical_memory(place, sizeof lent), std::string(sizeof lent, '\0'));
    const uint64_t swapped = (uint64_t{0x5'5555} << page_shift) | RINGFOLD_ENTRY_DIRTY;
    write_physical(place, &swapped, sizeof swapped);
    write();
    EXPECT_EQ(physical_memory(place, sizeof swapped),
              std::string(reinterpret_cast<const char *>(&swapped), sizeof swapped));
}

// A table of a process that runs on no vCPU hangs in no root that a walk begins with.
TEST_F(CoreDump, TablesOfOtherRootsAreFoundByTheirType) {
    const uint64_t other = built.frames[2600];
    FakePage table{};
    const uint64_t word = built.frames[0x100] << page_shift | RINGFOLD_ENTRY_PRESENT;
    std::memcpy(table.data(), &word, sizeof word);
    domain().frames[other] = table;
    domain().tables[other] = 1;
    write();
    const uint64_t expected = 0x100 << page_shift | RINGFOLD_ENTRY_PRESENT;
    EXPECT_EQ(physical_memory(2600 << page_shift, sizeof expected),
              std::string(reinterpret_cast<const char *>(&expected), sizeof expected));
}

// Each table hangs in the one above it as often as can be: 2^35 ways from the root to the page.
TEST_F(CoreDump, TablesThatHangInEachOtherWithoutEnd) {
    const std::array<uint64_t, 4> tables{built.frames[2700], built.frames[2701], built.frames[2702],
                                         built.frames[2703]};
    const auto fill = [&](uint64_t table, uint64_t frame) {
        const uint64_t word = frame << page_shift | RINGFOLD_ENTRY_PRESENT;
        for (uint64_t index = 0; index < table_entries; ++index) {
            std::memcpy(&domain().frames.at(table)[index * sizeof word], &word, sizeof word);
        }
    };
    fill(tables[0], tables[1]);
    fill(tables[1], tables[2]);
    fill(tables[2], tables[3]);
    fill(tables[3], built.frames[2600]);
    const PhysicalIndex index(built.frames);
    const uint64_t copies = fake.copies;
    const auto ranges = kernel_ranges(hypervisor, built.id, tables[0], index);
    ASSERT_TRUE(ranges.ok());
    EXPECT_EQ(fake.copies - copies, 1U + 4 + 4 + 4);
    ASSERT_EQ(ranges.value().size(), 4 * table_entries);
    EXPECT_EQ(ranges.value()[0].address, 0xffff'8080'0000'0000);  // slot 256 is the hypervisor's
    EXPECT_EQ(ranges.value()[0].first_frame, 2600U);
    fill(tables[3], tables[3]);  // one that hangs in itself, on each level
    EXPECT_LE(kernel_ranges(hypervisor, built.id, tables[3], index).value().size(), 4 * table_entries);
}

// As Linux has its image in its direct map, too.
TEST_F(CoreDump, ATableInTwoPlacesIsInBoth) {
    FakePage &page = domain().frames.at(domain().context.root);
    const std::size_t image = (kernel_base >> 39 & (table_entries - 1)) * sizeof(uint64_t);
    std::memcpy(&page[(table_entries - 8) * sizeof(uint64_t)], &page[image], sizeof(uint64_t));
    write();
    EXPECT_EQ(memory(kernel_base + 0x10'0000, kernel_text.size()), kernel_text);
    const uint64_t alias = ~uint64_t{0} << 48 | (table_entries - 8) << 39 | (kernel_base & ((uint64_t{1} << 39) - 1));
    EXPECT_EQ(memory(alias + 0x10'0000, kernel_text.size()), kernel_text);
}

TEST_F(CoreDump, TypesAreToldOfWhatIsTheDomains) {
    std::vector<uint64_t> frames = built.frames;
    frames[5] = 0x5'5555;  // as the guest says
    frames[700] = RINGFOLD_NO_FRAME;
    frames.back() = 0x5'5555;
    fake.preempt_every = 7;
    const auto types = hypervisor.frame_types(built.id, frames);
    ASSERT_TRUE(types.ok());
    ASSERT_EQ(types.value().size(), frames.size());
    for (std::size_t index = 0; index < frames.size(); ++index) {
        const bool own = domain().frames.contains(frames[index]);
        const auto table = domain().tables.find(frames[index]);
        const unsigned expected = !own                             ? RINGFOLD_FRAME_NONE
                                  : table == domain().tables.end() ? RINGFOLD_FRAME_WRITABLE
                                                                   : RINGFOLD_FRAME_L1 - 1 + table->second;
        EXPECT_EQ(types.value()[index], expected) << index;
    }
    fake.fail = [](uint32_t number) {
        return number == RINGFOLD_HYPERCALL_DOMAIN_FRAME_TYPES ? int64_t{-RINGFOLD_EPERM} : 0;
    };
    EXPECT_EQ(hypervisor.frame_types(built.id, frames).error().kind, Kind::permission);
}

TEST_F(CoreDump, RegistersAreThereForGdbAndForCrash) {
    ringfold_vcpu_registers registers{};
    registers.root = domain().context.root;
    registers.rip = 0x1111;
    registers.rsp = 0x2222;
    registers.r15 = 0x3333;
    registers.cs = RINGFOLD_KERNEL_CS;
    registers.gs_base = 0x4444;
    domain().registers[0] = registers;
    write();
    const std::vector<std::string> status = notes("CORE");
    const std::vector<std::string> machine = notes("QEMU");
    ASSERT_EQ(status.size(), 1U);
    ASSERT_EQ(machine.size(), 1U);
    const auto word = [](const std::string &note, std::size_t offset) {
        uint64_t value = 0;
        std::memcpy(&value, note.data() + offset, sizeof value);
        return value;
    };
    constexpr std::size_t status_registers = 112;
    EXPECT_EQ(word(status[0], status_registers), 0x3333U);
    EXPECT_EQ(word(status[0], status_registers + 16 * 8), 0x1111U);
    EXPECT_EQ(word(status[0], status_registers + 19 * 8), 0x2222U);
    EXPECT_EQ(machine[0].size(), 432U);
    EXPECT_EQ(word(machine[0], 0), uint64_t{432} << 32 | 1);  // size and version
    EXPECT_EQ(word(machine[0], 8 + 6 * 8), 0x2222U);
    EXPECT_EQ(word(machine[0], 8 + 15 * 8), 0x3333U);
    EXPECT_EQ(word(machine[0], 8 + 16 * 8), 0x1111U);
    EXPECT_EQ(word(machine[0], 8 + 18 * 8) & 0xffff'ffff, uint64_t{RINGFOLD_KERNEL_CS});
    EXPECT_EQ(word(machine[0], 8 + 18 * 8 + 4 * 24 + 16), 0x4444U);
    EXPECT_EQ(word(machine[0], 8 + 18 * 8 + 10 * 24 + 3 * 8), root() << page_shift);
}

TEST_F(CoreDump, HasTheNoteThatTheGuestLeft) {
    write();
    EXPECT_EQ(notes("CORE").size(), 1U);
    EXPECT_TRUE(notes("VMCOREINFO").empty());
    // Across a page's end, with something behind it.
    const uint64_t place = (2800 << page_shift) + page_size - sizeof(Elf64_Nhdr);
    const Elf64_Nhdr header{11, 15, 0};
    write_physical(place, &header, sizeof header);
    write_physical(place + sizeof header, "VMCOREINFO\0\0OSRELEASE=6.1\n\0\xff\xff\xff\xff", 32);
    leave_note(place, 4096);
    write();
    EXPECT_EQ(notes("CORE").size(), 1U);
    EXPECT_EQ(notes("VMCOREINFO"), std::vector<std::string>{"OSRELEASE=6.1\n" + std::string(1, '\0')});
    leave_note(place, 12 + 12 + 16);
    write();
    EXPECT_EQ(notes("VMCOREINFO").size(), 1U);
    EXPECT_EQ(memory(kernel_base + 0x10'0000, kernel_text.size()), kernel_text);
}

TEST_F(CoreDump, WhatIsNoNoteIsNotInIt) {
    const uint64_t place = 2800 << page_shift;
    write();
    const uint64_t without = at<Elf64_Phdr>(at<Elf64_Ehdr>(0).e_phoff).p_filesz;
    const auto left_out = [&](Elf64_Nhdr header, uint64_t address, uint64_t size) {
        write_physical(place, &header, sizeof header);
        leave_note(address, size);
        write();
        const auto segment = at<Elf64_Phdr>(at<Elf64_Ehdr>(0).e_phoff);
        return notes("CORE").size() == 1 && segment.p_filesz == without;
    };
    EXPECT_TRUE(left_out({11, 15, 0}, place, 12 + 12 + 15));                // it does not fit
    EXPECT_TRUE(left_out({11, 15, 0}, place, 11));                          // not even its header does
    EXPECT_TRUE(left_out({11, 15, 0}, place, RINGFOLD_CORE_NOTE_MAX + 1));  // too large
    EXPECT_TRUE(left_out({11, 15, 0}, place, ~uint64_t{0}));
    EXPECT_TRUE(left_out({11, 15, 0}, 3000 << page_shift, 4096));  // behind all memory
    EXPECT_TRUE(left_out({11, 15, 0}, ~uint64_t{0} - 10, 4096));
    EXPECT_TRUE(left_out({0, 15, 0}, place, 4096));
    EXPECT_TRUE(left_out({11, 0, 0}, place, 4096));
    EXPECT_TRUE(left_out({~0U, ~0U, 0}, place, 4096));
    EXPECT_FALSE(left_out({11, 15, 0}, place, 4096));
    built.map.start_info = 0;  // nobody knows where that is
    EXPECT_TRUE(left_out({11, 15, 0}, place, 4096));
}

}  // namespace
}  // namespace ringfold::tools
