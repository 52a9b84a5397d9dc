// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: any bytes as the file of a guest's kernel, an ELF image or a bzImage. What is accepted keeps the
// promises of elf_image.hpp, what is refused is refused with a reason, and neither takes more memory than the limits of
// decompress.cpp say, whatever a packed stream unpacks to. An ELF image that Linux would have packed, in any of the
// ways, is judged as it is when it is not packed.
#include "dom0-tools/library/kernel_image.hpp"

#include "dom0-tools/tests/kernel_file.hpp"
#include "elf_promises.hpp"
#include "memory_peak.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace {

using namespace ringfold::tools;

constexpr std::size_t largest = std::size_t{1} << 20;
// xz may take 256 MiB for what it has unpacked last, zstd half of that. A growing vector is there twice.
constexpr std::size_t most_memory = (std::size_t{256} << 20) + 4 * largest;

Outcome<KernelImage> parse(Bytes file) {
    const MemoryPeak peak;
    Outcome<KernelImage> kernel = KernelImage::parse(file, largest);
    require(peak.bytes() <= most_memory);
    return kernel;
}

void check(const Outcome<KernelImage> &kernel, Bytes file) {
    if (!kernel.ok()) {
        require(kernel.error().kind == Kind::image && !kernel.error().text.empty());
        return;
    }
    const Bytes elf = kernel.value().elf();
    require(elf.data() == file.data() ? elf.size() == file.size() : elf.size() <= largest);
    check_promises(kernel.value().image(), elf);
}

void check_payload(Bytes file) {
    const Outcome<Bytes> payload = payload_of_bzimage(file);
    if (payload.ok()) {
        const auto begin = static_cast<std::size_t>(payload.value().data() - file.data());
        require(begin <= file.size() && payload.value().size() <= file.size() - begin);
    }
}

void check_packed(const Outcome<KernelImage> &plain, Bytes elf, std::string_view format) {
    const std::string file = make_bzimage(pack({reinterpret_cast<const char *>(elf.data()), elf.size()}, format));
    const Outcome<KernelImage> packed = parse(as_bytes(file));
    require(packed.ok() == plain.ok());
    if (plain.ok()) {
        require(std::ranges::equal(packed.value().elf(), elf));
        check_promises(packed.value().image(), packed.value().elf());
    } else {
        require(packed.error().text == plain.error().text);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, std::size_t size) {
    constexpr std::array<std::string_view, 4> formats{"gzip", "xz", "lz4", "zstd"};
    constexpr std::string_view elf_magic = "\177ELF";
    const Bytes file(reinterpret_cast<const std::byte *>(data), size);
    const Outcome<KernelImage> kernel = parse(file);
    check(kernel, file);
    check_payload(file);
    if (size >= elf_magic.size() && std::ranges::equal(file.first(elf_magic.size()), as_bytes(elf_magic))) {
        check_packed(kernel, file, formats[data[size - 1] % formats.size()]);
    }
    return 0;
}
