// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/elf_image.hpp"

#include "hypervisor/domain/elf_format.hpp"
#include "tests/unit/random_seed.hpp"

#include <ringfold/start_info.h>

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace ringfold {
namespace {

constexpr uint64_t virtual_base = 0xffff'ffff'8000'0000;

struct Note {
    std::string owner;  // with its NUL, if it has one
    uint32_t type;
    std::string description;
};

template <typename T>
std::string bytes_of(const T &value) {
    return {reinterpret_cast<const char *>(&value), sizeof value};
}

const std::string ours{"Ringfold\0", 9};

// A sound image that a test may break before it is laid out, or in its bytes afterwards.
struct ImageFile {
    elf::Header header{};
    std::vector<elf::ProgramHeader> segments;
    std::vector<Note> notes;
    std::size_t note_segment = 0;  // index of the PT_NOTE program header
    uint64_t note_alignment = 4;

    ImageFile() {
        header.identification = {0x7f, 'E', 'L', 'F', 2, 1, 1};
        header.type = elf::type_executable;
        header.machine = elf::machine_x86_64;
        header.version = 1;
        header.entry = virtual_base + 0x10'0010;
        header.program_headers_offset = sizeof header;
        header.header_size = sizeof header;
        header.program_header_size = sizeof(elf::ProgramHeader);
        add_segment(elf::flag_read | elf::flag_execute, 0x1000, 0x10'0000, 0x800, 0x800);
        add_segment(elf::flag_read, 0x2000, 0x10'1000, 0x100, 0x100);
        add_segment(elf::flag_read | elf::flag_write, 0x2f80, 0x10'2f80, 0x90, 0x5000);
        note_segment = segments.size();
        segments.push_back({elf::segment_note, elf::flag_read, 0, 0, 0, 0, 0, 4});
        notes = {{ours, RINGFOLD_NOTE_ABI_VERSION, bytes_of(uint32_t{RINGFOLD_ABI_VERSION})},
                 {ours, RINGFOLD_NOTE_HYPERCALL_RETURN, bytes_of(virtual_base + 0x10'0002)}};
    }

    void add_segment(uint32_t flags, uint64_t offset, uint64_t physical, uint64_t file_size, uint64_t memory_size) {
        segments.push_back(
            {elf::segment_load, flags, offset, virtual_base + physical, physical, file_size, memory_size, 0x1000});
    }

    std::vector<std::byte> lay_out() {
        std::string note_bytes;
        const auto pad = [&] {
            note_bytes.resize((note_bytes.size() + note_alignment - 1) / note_alignment * note_alignment);
        };
        for (const Note &note : notes) {
            const elf::NoteHeader note_header{static_cast<uint32_t>(note.owner.size()),
                                              static_cast<uint32_t>(note.description.size()), note.type};
            note_bytes += bytes_of(note_header) + note.owner;
            pad();
            note_bytes += note.description;
            pad();
        }
        segments[note_segment].file_offset = 0x800;
        segments[note_segment].file_size = note_bytes.size();
        segments[note_segment].memory_size = note_bytes.size();
        segments[note_segment].alignment = note_alignment;
        return assemble(note_bytes);
    }

    std::vector<std::byte> assemble(const std::string &note_bytes) {
        header.program_header_count = static_cast<uint16_t>(segments.size());
        std::vector<std::byte> file(0x3010);
        std::memcpy(file.data(), &header, sizeof header);
        std::memcpy(file.data() + sizeof header, segments.data(), segments.size() * sizeof segments[0]);
        std::memcpy(file.data() + 0x800, note_bytes.data(), note_bytes.size());
        for (std::size_t i = 0; i < 0x800; ++i) {
            file[0x1000 + i] = static_cast<std::byte>(i);
        }
        return file;
    }
};

TEST(ElfImage, ReadsASoundImage) {
    ImageFile description;
    description.notes.push_back({ours, RINGFOLD_NOTE_MAPPED_BYTES, bytes_of(uint64_t{0x800000})});
    const auto file = description.lay_out();
    const auto parsed = parse_elf_image(file);
    ASSERT_TRUE(parsed.ok()) << reason(parsed.error());
    const ElfImage &image = parsed.value();
    EXPECT_EQ(image.virtual_base.raw(), virtual_base);
    EXPECT_EQ(image.entry.raw(), virtual_base + 0x10'0010);
    EXPECT_EQ(image.hypercall_return.raw(), virtual_base + 0x10'0002);
    EXPECT_EQ(image.abi_version, RINGFOLD_ABI_VERSION);
    EXPECT_EQ(image.mapped_bytes, 0x800000U);
    ASSERT_EQ(image.segments().size(), 3U);
    const ElfSegment &text = image.segments()[0];
    EXPECT_TRUE(text.executable);
    EXPECT_FALSE(text.writable);
    EXPECT_EQ(text.first_frame(), GuestFrame{0x100});
    EXPECT_EQ(text.end_frame(), GuestFrame{0x101});
    EXPECT_EQ(text.bytes(file).size(), 0x800U);
    EXPECT_EQ(text.bytes(file)[5], std::byte{5});
    const ElfSegment &data = image.segments()[2];
    EXPECT_TRUE(data.writable);
    EXPECT_FALSE(data.executable);
    EXPECT_EQ(data.first_frame(), GuestFrame{0x102});
    EXPECT_EQ(data.end_frame(), GuestFrame{0x108});
    EXPECT_EQ(data.memory_size, 0x5000U);
    EXPECT_EQ(image.end_frame(), GuestFrame{0x108});
    EXPECT_EQ(image.segment_at(virtual_base + 0x10'0800), nullptr);
    EXPECT_EQ(image.segment_at(virtual_base + 0x10'07ff), &text);
}

TEST(ElfImage, MappedSizeIsOptional) {
    EXPECT_EQ(parse_elf_image(ImageFile{}.lay_out()).value().mapped_bytes, std::nullopt);
}

TEST(ElfImage, ANoteNamesAnotherEntry) {
    ImageFile description;
    description.header.entry = 0x10'0000;  // as Linux has it: a physical address
    description.notes.push_back({ours, RINGFOLD_NOTE_ENTRY, bytes_of(virtual_base + 0x10'0020)});
    const auto parsed = parse_elf_image(description.lay_out());
    ASSERT_TRUE(parsed.ok()) << reason(parsed.error());
    EXPECT_EQ(parsed.value().entry.raw(), virtual_base + 0x10'0020);
    description.notes.back().description = bytes_of(virtual_base + 0x10'1000);
    EXPECT_EQ(parse_elf_image(description.lay_out()).error(), ElfError::entry_not_executable);
}

TEST(ElfImage, ATemplateLinkedAtZeroIsFoundWhereItIsLoaded) {
    ImageFile description;
    description.add_segment(elf::flag_read | elf::flag_write, 0x2000, 0x20'0000, 0x10, 0x1000);
    description.segments.back().virtual_address = 0;
    const auto parsed = parse_elf_image(description.lay_out());
    ASSERT_TRUE(parsed.ok()) << reason(parsed.error());
    const ElfSegment *segment = parsed.value().segment_at(virtual_base + 0x20'0000);
    ASSERT_NE(segment, nullptr);
    EXPECT_EQ(segment->first_frame(), GuestFrame{0x200});
    EXPECT_EQ(parsed.value().virtual_base.raw(), virtual_base);
}

TEST(ElfImage, PassesOverWhatIsNotForLoading) {
    ImageFile description;
    description.segments.push_back({0x6474e551, 6, 0, 0, 0, 0, 0, 16});  // PT_GNU_STACK
    description.add_segment(elf::flag_read, ~uint64_t{0}, 0x123, 0, 0);  // outside the file, but ...
    description.segments.back().file_offset = 0;                         // ... empty is all right
    description.notes.insert(description.notes.begin(), {{"GNU\0", 4}, 3, "build id"});
    description.notes.push_back({"Ringfolk" + std::string(1, '\0'), 99, "x"});
    description.notes.push_back({"Ringfold", 99, "an owner without its NUL is another one"});
    const auto parsed = parse_elf_image(description.lay_out());
    ASSERT_TRUE(parsed.ok()) << reason(parsed.error());
    EXPECT_EQ(parsed.value().segments().size(), 3U);
}

TEST(ElfImage, ReadsNotesPaddedToEightBytes) {
    ImageFile description;
    description.note_alignment = 8;
    EXPECT_TRUE(parse_elf_image(description.lay_out()).ok());
}

struct Malformed {
    ElfError expected;
    std::function<void(ImageFile &)> spoil;
};

class MalformedElfImage : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedElfImage, IsRefusedWithItsReason) {
    ImageFile description;
    ASSERT_TRUE(parse_elf_image(description.lay_out()).ok());
    GetParam().spoil(description);
    const auto parsed = parse_elf_image(description.lay_out());
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.error(), GetParam().expected) << reason(parsed.error());
    EXPECT_GT(reason(parsed.error()).size(), 10U);
}

constexpr uint64_t huge = ~uint64_t{0};

INSTANTIATE_TEST_SUITE_P(
    Each, MalformedElfImage,
    testing::Values(
        Malformed{ElfError::not_elf, [](ImageFile &f) { f.header.identification[0] = 0; }},
        Malformed{ElfError::not_64_bit, [](ImageFile &f) { f.header.identification[4] = 1; }},
        Malformed{ElfError::not_little_endian, [](ImageFile &f) { f.header.identification[5] = 2; }},
        Malformed{ElfError::bad_version, [](ImageFile &f) { f.header.identification[6] = 0; }},
        Malformed{ElfError::bad_version, [](ImageFile &f) { f.header.version = 2; }},
        Malformed{ElfError::not_executable, [](ImageFile &f) { f.header.type = 3; }},
        Malformed{ElfError::not_x86_64, [](ImageFile &f) { f.header.machine = 3; }},
        Malformed{ElfError::bad_header_size, [](ImageFile &f) { f.header.header_size = 52; }},
        Malformed{ElfError::bad_program_header_size, [](ImageFile &f) { f.header.program_header_size = 32; }},
        Malformed{ElfError::bad_program_header_size, [](ImageFile &f) { f.header.program_header_size = 0; }},
        Malformed{ElfError::program_headers_outside_file,
                  [](ImageFile &f) { f.header.program_headers_offset = 0x3000; }},
        Malformed{ElfError::program_headers_outside_file, [](ImageFile &f) { f.header.program_headers_offset = huge; }},
        Malformed{ElfError::program_headers_outside_file,
                  [](ImageFile &f) { f.header.program_headers_offset = huge - 55; }}),
    [](const auto &test) { return std::to_string(test.index); });

INSTANTIATE_TEST_SUITE_P(
    Segment, MalformedElfImage,
    testing::Values(
        Malformed{ElfError::needs_dynamic_linker, [](ImageFile &f) { f.segments[1].type = elf::segment_dynamic; }},
        Malformed{ElfError::needs_dynamic_linker, [](ImageFile &f) { f.segments[1].type = elf::segment_interpreter; }},
        Malformed{ElfError::segment_outside_file, [](ImageFile &f) { f.segments[2].file_size = 0x91; }},
        Malformed{ElfError::segment_outside_file, [](ImageFile &f) { f.segments[0].file_offset = 0x3011; }},
        Malformed{ElfError::segment_outside_file, [](ImageFile &f) { f.segments[0].file_offset = huge - 0xfff; }},
        Malformed{ElfError::segment_outside_file, [](ImageFile &f) { f.segments[2].file_size = huge; }},
        Malformed{ElfError::segment_larger_in_file, [](ImageFile &f) { f.segments[0].memory_size = 0x7ff; }},
        Malformed{ElfError::segment_larger_in_file, [](ImageFile &f) { f.segments[0].memory_size = 0; }},
        Malformed{ElfError::segment_wraps, [](ImageFile &f) { f.segments[2].memory_size = huge; }},
        Malformed{ElfError::segment_wraps, [](ImageFile &f) { f.segments[2].memory_size = 0x8000'0000; }},
        Malformed{ElfError::segment_wraps, [](ImageFile &f) { f.segments[0].physical_address = huge - 0xfff; }},
        Malformed{ElfError::bad_alignment, [](ImageFile &f) { f.segments[0].alignment = 0x1800; }},
        Malformed{ElfError::bad_alignment, [](ImageFile &f) { f.segments[0].alignment = huge; }},
        Malformed{ElfError::misaligned_segment, [](ImageFile &f) { f.segments[0].file_offset += 0x10; }},
        Malformed{ElfError::misaligned_segment, [](ImageFile &f) { f.segments[0].alignment = 0x20'0000; }},
        Malformed{ElfError::misaligned_segment, [](ImageFile &f) { f.segments[0].physical_address += 0x10; }},
        Malformed{ElfError::different_virtual_base, [](ImageFile &f) { f.segments[1].physical_address += 0x1000; }},
        Malformed{ElfError::different_virtual_base, [](ImageFile &f) { f.segments[2].virtual_address -= 0x10'0000; }},
        Malformed{ElfError::segments_overlap, [](ImageFile &f) { f.segments[1] = f.segments[0]; }},
        Malformed{ElfError::segments_overlap, [](ImageFile &f) { f.segments[0].memory_size = 0x1001; }},
        Malformed{ElfError::segments_overlap, [](ImageFile &f) { f.segments[1].memory_size = 0x1f81; }},
        Malformed{ElfError::segments_overlap, [](ImageFile &f) { f.add_segment(4, 0x1000, 0x10'7000, 1, 1); }},
        Malformed{ElfError::segments_overlap, [](ImageFile &f) { f.add_segment(4, 0x0000, 0xff'000, 1, 0x10'0000); }},
        Malformed{ElfError::too_many_segments,
                  [](ImageFile &f) {
                      for (uint64_t i = 0; i < 14; ++i) {
                          f.add_segment(4, 0x1000, 0x20'0000 + i * 0x1000, 1, 1);
                      }
                  }},
        Malformed{ElfError::no_segment,
                  [](ImageFile &f) {
                      f.segments.erase(f.segments.begin(), f.segments.begin() + 3);
                      f.note_segment = 0;
                  }},
        Malformed{ElfError::entry_not_executable, [](ImageFile &f) { f.header.entry = 0x10'0010; }},
        Malformed{ElfError::entry_not_executable, [](ImageFile &f) { f.header.entry = virtual_base + 0x10'0800; }},
        Malformed{ElfError::entry_not_executable, [](ImageFile &f) { f.header.entry = virtual_base + 0x10'1000; }}),
    [](const auto &test) { return std::to_string(test.index); });

void link_all_at(ImageFile &file, uint64_t base) {
    for (elf::ProgramHeader &segment : file.segments) {
        segment.virtual_address = base + segment.physical_address;
    }
    file.header.entry = base + 0x10'0010;
    file.notes[1].description = bytes_of(base + 0x10'0002);
}

INSTANTIATE_TEST_SUITE_P(
    Address, MalformedElfImage,
    testing::Values(
        Malformed{ElfError::not_canonical, [](ImageFile &f) { link_all_at(f, 0x1'0000'0000'0000); }},
        Malformed{ElfError::not_canonical, [](ImageFile &f) { link_all_at(f, 0x7fff'ffef'f000); }},        // last byte
        Malformed{ElfError::not_canonical, [](ImageFile &f) { link_all_at(f, 0xffff'7fff'fff0'0000); }},   // base
        Malformed{ElfError::not_canonical, [](ImageFile &f) { link_all_at(f, uint64_t{0} - 0x1'0000); }},  // wraps
        Malformed{ElfError::in_reserved_slot, [](ImageFile &f) { link_all_at(f, 0xffff'8000'0000'0000); }},
        Malformed{ElfError::in_reserved_slot, [](ImageFile &f) { link_all_at(f, 0xffff'807f'ffff'f000); }},  // base
        Malformed{ElfError::in_reserved_slot,
                  [](ImageFile &f) {  // from one half over the hole into the other
                      link_all_at(f, 0x7000'0000'0000);
                      f.segments[2].memory_size = 0xffff'2000'0000'0000;
                  }},
        Malformed{ElfError::bad_hypercall_return, [](ImageFile &f) { link_all_at(f, 0x7000'0000'0000); }}),
    [](const auto &test) { return std::to_string(test.index); });

INSTANTIATE_TEST_SUITE_P(
    Note, MalformedElfImage,
    testing::Values(
        Malformed{ElfError::bad_note_alignment, [](ImageFile &f) { f.note_alignment = 16; }},
        Malformed{ElfError::unknown_note,
                  [](ImageFile &f) {
                      f.notes.push_back({ours, 5, "????"});
                  }},
        Malformed{ElfError::unknown_note,
                  [](ImageFile &f) {
                      f.notes.push_back({ours, 0, "????"});
                  }},
        Malformed{ElfError::bad_note_size, [](ImageFile &f) { f.notes[0].description = "12345678"; }},
        Malformed{ElfError::bad_note_size, [](ImageFile &f) { f.notes[1].description = "1234"; }},
        Malformed{ElfError::bad_note_size, [](ImageFile &f) { f.notes[1].description = ""; }},
        Malformed{ElfError::duplicate_note, [](ImageFile &f) { f.notes.push_back(f.notes[0]); }},
        Malformed{ElfError::no_abi_version, [](ImageFile &f) { f.notes.erase(f.notes.begin()); }},
        Malformed{ElfError::no_abi_version, [](ImageFile &f) { f.notes.clear(); }},
        Malformed{ElfError::unsupported_abi_version,
                  [](ImageFile &f) { f.notes[0].description = bytes_of(uint32_t{RINGFOLD_ABI_VERSION + 1}); }},
        Malformed{ElfError::unsupported_abi_version,
                  [](ImageFile &f) { f.notes[0].description = bytes_of(uint32_t{RINGFOLD_ABI_VERSION + 0x10000}); }},
        Malformed{ElfError::bad_mapped_size,
                  [](ImageFile &f) {
                      f.notes.push_back({ours, 2, bytes_of(uint64_t{0})});
                  }},
        Malformed{ElfError::bad_mapped_size,
                  [](ImageFile &f) {
                      f.notes.push_back({ours, 2, bytes_of(uint64_t{0x1001})});
                  }},
        Malformed{ElfError::no_hypercall_return, [](ImageFile &f) { f.notes.pop_back(); }},
        Malformed{ElfError::bad_hypercall_return,
                  [](ImageFile &f) { f.notes[1].description = bytes_of(virtual_base + 0x10'1000); }},
        Malformed{ElfError::bad_hypercall_return,
                  [](ImageFile &f) { f.notes[1].description = bytes_of(uint64_t{0}); }}),
    [](const auto &test) { return std::to_string(test.index); });

TEST(ElfImage, RefusesAFileThatIsCutOffAnywhere) {
    const auto file = ImageFile{}.lay_out();
    for (std::size_t size = 0; size < file.size(); ++size) {
        const std::vector<std::byte> part(file.begin(),
                                          file.begin() + static_cast<ptrdiff_t>(size));  // ASan sees its end
        ASSERT_FALSE(parse_elf_image(part).ok()) << size;
    }
    EXPECT_EQ(parse_elf_image({}).error(), ElfError::too_short);
    EXPECT_EQ(parse_elf_image(std::span(file).first(63)).error(), ElfError::too_short);
    EXPECT_EQ(parse_elf_image(std::span(file).first(64)).error(), ElfError::program_headers_outside_file);
}

TEST(ElfImage, RefusesAnImageWithoutProgramHeaders) {
    ImageFile description;
    auto file = description.lay_out();
    const uint16_t none = 0;
    std::memcpy(file.data() + offsetof(elf::Header, program_header_count), &none, sizeof none);
    EXPECT_EQ(parse_elf_image(file).error(), ElfError::no_program_headers);
}

TEST(ElfImage, RefusesNotesThatAreCutOff) {
    ImageFile description;
    auto file = description.lay_out();
    auto &notes = description.segments[description.note_segment];
    const auto with_note_segment = [&](uint64_t offset, uint64_t size) {
        notes.file_offset = offset;
        notes.file_size = size;
        std::memcpy(file.data() + sizeof(elf::Header), description.segments.data(),
                    description.segments.size() * sizeof(elf::ProgramHeader));
        return parse_elf_image(file).error();
    };
    EXPECT_EQ(with_note_segment(0x800, 5), ElfError::truncated_note);       // in the header
    EXPECT_EQ(with_note_segment(0x800, 12 + 5), ElfError::truncated_note);  // in the name
    EXPECT_EQ(with_note_segment(0x800, 24 + 3), ElfError::truncated_note);  // in the description
    EXPECT_EQ(with_note_segment(0x3010 - 27, 28), ElfError::note_outside_file);
    EXPECT_EQ(with_note_segment(huge, 28), ElfError::note_outside_file);
    EXPECT_EQ(with_note_segment(0x800, huge), ElfError::note_outside_file);
    const uint32_t huge_size = ~uint32_t{0};
    std::memcpy(file.data() + 0x800, &huge_size, sizeof huge_size);  // a name that would wrap 32 bits when padded
    EXPECT_EQ(with_note_segment(0x800, 56), ElfError::truncated_note);
}

TEST(ElfImage, StaysWithinRandomlyDamagedFiles) {
    std::mt19937_64 random(test::random_seed());
    const auto sound = ImageFile{}.lay_out();
    int accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto file = sound;
        for (uint64_t damage = random() % 4 + 1; damage > 0; --damage) {
            const std::size_t headers = sizeof(elf::Header) + 4 * sizeof(elf::ProgramHeader);
            const std::size_t place = random() % 4 == 0 ? 0x800 + random() % 56 : random() % headers;
            file[place] = random() % 2 == 0 ? static_cast<std::byte>(random()) : file[place] ^ std::byte{0xff};
        }
        const auto parsed = parse_elf_image(file);
        if (parsed.ok()) {
            ++accepted;
            for (const ElfSegment &segment : parsed.value().segments()) {
                const auto bytes = segment.bytes(file);
                ASSERT_LE(bytes.size(), segment.memory_size);
                ASSERT_LE(segment.file_offset + bytes.size(), file.size());
                ASSERT_LT(segment.first_frame(), segment.end_frame());
            }
        }
    }
    EXPECT_GT(accepted, 0);
    EXPECT_LT(accepted, 15'000);
}

}  // namespace
}  // namespace ringfold
