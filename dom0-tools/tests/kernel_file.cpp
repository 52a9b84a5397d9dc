// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/tests/kernel_file.hpp"

#include "hypervisor/domain/elf_format.hpp"

#include <ringfold/start_info.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <span>

namespace ringfold::tools {

namespace {

constexpr uint64_t text_at = 0x10'0000;
constexpr uint64_t data_at = 0x20'0000;

template <typename T>
void put(std::string &file, std::size_t offset, const T &value) {
    std::memcpy(file.data() + offset, &value, sizeof value);
}

template <typename T>
std::string note(uint32_t type, T value) {
    const elf::NoteHeader header{sizeof RINGFOLD_NOTE_OWNER, sizeof value, type};
    std::string bytes(sizeof header + 12 + sizeof value, '\0');
    put(bytes, 0, header);
    std::memcpy(bytes.data() + sizeof header, RINGFOLD_NOTE_OWNER, sizeof RINGFOLD_NOTE_OWNER);
    put(bytes, sizeof header + 12, value);
    return bytes;
}

// Linux appends the size to all formats but gzip, which has it.
std::string with_size(std::string packed, std::size_t size) {
    const auto word = static_cast<uint32_t>(size);
    packed.append(reinterpret_cast<const char *>(&word), sizeof word);
    return packed;
}

std::string pack_gzip(std::string_view bytes) {
    std::string packed(compressBound(bytes.size()) + 64, '\0');
    z_stream state{};
    deflateInit2(&state, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    state.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(bytes.data()));
    state.avail_in = static_cast<uInt>(bytes.size());
    state.next_out = reinterpret_cast<Bytef *>(packed.data());
    state.avail_out = static_cast<uInt>(packed.size());
    deflate(&state, Z_FINISH);
    packed.resize(state.total_out);
    deflateEnd(&state);
    return packed;
}

std::string pack_xz(std::string_view bytes) {
    std::string packed(lzma_stream_buffer_bound(bytes.size()), '\0');
    std::size_t size = 0;
    lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(),
                            reinterpret_cast<uint8_t *>(packed.data()), &size, packed.size());
    packed.resize(size);
    return with_size(packed, bytes.size());
}

std::string pack_zstd(std::string_view bytes) {
    std::string packed(ZSTD_compressBound(bytes.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 1));
    return with_size(packed, bytes.size());
}

std::string pack_lz4(std::string_view bytes) {
    constexpr std::size_t block = std::size_t{8} << 20;
    std::string packed("\x02\x21\x4c\x18", 4);
    for (std::size_t begin = 0; begin < bytes.size(); begin += block) {
        const std::string_view part = bytes.substr(begin, block);
        std::string body(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(part.size()))), '\0');
        const int size = LZ4_compress_default(part.data(), body.data(), static_cast<int>(part.size()),
                                              static_cast<int>(body.size()));
        body.resize(static_cast<std::size_t>(size));
        packed = with_size(packed, body.size()) + body;
    }
    return with_size(packed, bytes.size());
}

}  // namespace

std::span<const std::byte> as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::byte *>(text.data()), text.size()};
}

std::string make_kernel(const KernelFileOptions &options) {
    std::string file(0x3000 + options.filler, '\0');
    elf::Header header{};
    header.identification = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    header.type = elf::type_executable;
    header.machine = elf::machine_x86_64;
    header.version = 1;
    header.entry = kernel_base + text_at + 4;
    header.program_headers_offset = sizeof header;
    header.header_size = sizeof header;
    header.program_header_size = sizeof(elf::ProgramHeader);
    std::string notes = options.with_note ? note(RINGFOLD_NOTE_ABI_VERSION, uint32_t{RINGFOLD_ABI_VERSION}) +
                                                note(RINGFOLD_NOTE_HYPERCALL_RETURN, kernel_base + text_at + 2) +
                                                note(RINGFOLD_NOTE_MAPPED_BYTES, uint64_t{8} << 20)
                                          : std::string{};
    const elf::ProgramHeader segments[] = {
        {elf::segment_load, elf::flag_read | elf::flag_execute, 0x1000, kernel_base + text_at, text_at, 0x1000, 0x1000,
         0x1000},
        {elf::segment_load, elf::flag_read | elf::flag_write, 0x2000, kernel_base + data_at, data_at, 0x1000, 0x4000,
         0x1000},
        {elf::segment_note, elf::flag_read, 0x800, 0, 0, notes.size(), notes.size(), 4}};
    header.program_header_count = std::size(segments);
    put(file, 0, header);
    put(file, sizeof header, segments);
    file.replace(0x800, notes.size(), notes);
    file.replace(0x1000, kernel_text.size(), kernel_text);
    file.replace(0x2000, kernel_data.size(), kernel_data);
    // Something that does not pack to nothing.
    for (std::size_t index = 0x3000; index < file.size(); ++index) {
        file[index] = static_cast<char>((index * 2654435761U) >> 13);
    }
    return file;
}

std::string pack(std::string_view bytes, std::string_view format) {
    return format == "gzip"   ? pack_gzip(bytes)
           : format == "xz"   ? pack_xz(bytes)
           : format == "lz4"  ? pack_lz4(bytes)
           : format == "zstd" ? pack_zstd(bytes)
                              : std::string{bytes};
}

std::string make_bzimage(std::string_view payload) {
    constexpr unsigned char sectors = 5;
    constexpr uint32_t offset = 0x120;
    std::string file((sectors + 1) * 512 + offset, '\0');
    put(file, 0x1f1, sectors);
    file.replace(0x202, 4, "HdrS");
    put(file, 0x206, uint16_t{0x20f});
    put(file, 0x248, offset);
    put(file, 0x24c, static_cast<uint32_t>(payload.size()));
    return file + std::string{payload} + std::string(100, 'z');
}

}  // namespace ringfold::tools
