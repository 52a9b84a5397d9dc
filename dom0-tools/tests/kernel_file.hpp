// SPDX-License-Identifier: Apache-2.0
//
// A small kernel as a file, and a bzImage around it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ringfold::tools {

inline constexpr uint64_t kernel_base = 0xffff'ffff'8000'0000;
inline constexpr std::string_view kernel_text = "text of the kernel";
inline constexpr std::string_view kernel_data = "data of the kernel";

struct KernelFileOptions {
    bool with_note = true;
    std::size_t filler = 0;  // bytes more
};

// An ELF image with a text segment at 1 MiB and a data segment at 2 MiB (its last 0x3000 bytes are not in the file).
[[nodiscard]] std::string make_kernel(const KernelFileOptions &options = {});

// How Linux packs an image: "gzip", "xz", "lz4", "zstd"; "none" leaves it as it is.
[[nodiscard]] std::string pack(std::string_view bytes, std::string_view format);
[[nodiscard]] std::string make_bzimage(std::string_view payload);

[[nodiscard]] std::span<const std::byte> as_bytes(std::string_view text);

}  // namespace ringfold::tools
