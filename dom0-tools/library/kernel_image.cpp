// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/kernel_image.hpp"

#include <fmt/core.h>

#include <cstring>

namespace ringfold::tools {

namespace {

constexpr std::string_view elf_magic = "\177ELF";

// Fields of the boot header, by their offset in the file.
constexpr std::size_t setup_sectors_at = 0x1f1;
constexpr std::size_t magic_at = 0x202;
constexpr std::size_t version_at = 0x206;
constexpr std::size_t payload_offset_at = 0x248;
constexpr std::size_t payload_length_at = 0x24c;
constexpr std::size_t header_end = 0x250;
constexpr std::size_t sector = 512;
constexpr uint16_t version_with_payload = 0x208;

template <typename T>
T field(Bytes file, std::size_t offset) {
    T value;
    std::memcpy(&value, file.data() + offset, sizeof value);
    return value;
}

bool begins_with(Bytes file, std::string_view magic, std::size_t offset = 0) {
    return file.size() >= offset + magic.size() && std::memcmp(file.data() + offset, magic.data(), magic.size()) == 0;
}

Failure refused(std::string_view why) { return {Kind::image, std::string{why}}; }

std::string_view advice(ElfError error) {
    return error == ElfError::no_abi_version
               ? " (a kernel for Ringfold is built with CONFIG_RINGFOLD; `make linux` builds one)"
               : "";
}

}  // namespace

Outcome<Bytes> payload_of_bzimage(Bytes file) {
    if (file.size() < header_end) {
        return refused("a bzImage that ends within its header");
    }
    if (field<uint16_t>(file, version_at) < version_with_payload) {
        return refused("a bzImage of a boot protocol older than 2.08: it does not say where its kernel is");
    }
    const auto sectors = field<uint8_t>(file, setup_sectors_at);
    const std::size_t begin =
        (std::size_t{sectors == 0 ? uint8_t{4} : sectors} + 1) * sector + field<uint32_t>(file, payload_offset_at);
    const std::size_t length = field<uint32_t>(file, payload_length_at);
    if (begin > file.size() || length > file.size() - begin) {
        return refused("a bzImage whose packed kernel lies outside the file: it is cut off");
    }
    return file.subspan(begin, length);
}

Outcome<KernelImage> KernelImage::parse(Bytes file, std::size_t limit) {
    KernelImage kernel;
    kernel.file_bytes_ = file;
    if (!begins_with(file, elf_magic)) {
        if (!begins_with(file, "HdrS", magic_at)) {
            return refused("neither an ELF image nor a bzImage");
        }
        const Bytes payload = TRY(payload_of_bzimage(file));
        kernel.unpacked_ = TRY(decompress(payload, limit));
    }
    const auto image = parse_elf_image(kernel.elf());
    if (!image.ok()) {
        return refused(fmt::format("{}{}", reason(image.error()), advice(image.error())));
    }
    kernel.image_ = image.value();
    return kernel;
}

Outcome<KernelImage> KernelImage::load(const std::string &path, std::size_t limit) {
    Outcome<MappedFile> file = MappedFile::open(path);
    if (!file.ok()) {
        return during("the kernel", file.error());
    }
    Outcome<KernelImage> kernel = parse(file.value().bytes(), limit);
    if (!kernel.ok()) {
        TRY(file.value().check_unchanged());
        return during(fmt::format("the kernel {} is refused", path), kernel.error());
    }
    kernel.value().file_ = file.take();
    return kernel;
}

}  // namespace ringfold::tools
