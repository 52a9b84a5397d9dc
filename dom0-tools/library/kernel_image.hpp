// SPDX-License-Identifier: Apache-2.0
//
// A guest's kernel as it comes from a file: an ELF image (Linux' vmlinux), or a bzImage with one inside. It comes from
// outside; whatever is wrong with it is refused with a reason.
#pragma once

#include "dom0-tools/library/decompress.hpp"
#include "dom0-tools/library/mapped_file.hpp"
#include "hypervisor/domain/elf_image.hpp"

#include <string>
#include <vector>

namespace ringfold::tools {

class KernelImage {
  public:
    static constexpr std::size_t largest_unpacked = std::size_t{512} << 20;

    // More than `limit` bytes are not unpacked, but refused.
    [[nodiscard]] static Outcome<KernelImage> load(const std::string &path, std::size_t limit = largest_unpacked);
    // The same; `file` must stay where it is as long as the image is used.
    [[nodiscard]] static Outcome<KernelImage> parse(Bytes file, std::size_t limit = largest_unpacked);

    [[nodiscard]] const ElfImage &image() const { return image_; }
    // As MappedFile::check_unchanged().
    [[nodiscard]] Outcome<void> check_unchanged() const { return file_.check_unchanged(); }
    [[nodiscard]] Bytes elf() const { return unpacked_.empty() ? file_bytes_ : Bytes{unpacked_}; }

  private:
    MappedFile file_;
    Bytes file_bytes_;
    std::vector<std::byte> unpacked_;  // of a bzImage
    ElfImage image_;
};

// The packed kernel within a bzImage; Linux' Documentation/x86/boot.rst describes the header.
[[nodiscard]] Outcome<Bytes> payload_of_bzimage(Bytes file);

}  // namespace ringfold::tools
