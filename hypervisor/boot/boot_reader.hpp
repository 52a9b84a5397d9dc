// SPDX-License-Identifier: Apache-2.0
//
// How the multiboot parsers read: little-endian words and strings out of bytes that may be anything.
#pragma once

#include "hypervisor/boot/boot_information.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace ringfold {

// The word at `offset`; the caller has checked that it is there.
template <typename Word>
[[nodiscard]] Word word_at(ByteSpan bytes, std::size_t offset) {
    Word value;
    __builtin_memcpy(&value, bytes.subspan(offset, sizeof value).data(), sizeof value);
    return value;
}

// The text up to the first zero byte.
[[nodiscard]] inline Expected<std::string_view, BootProblem> text_at_start(ByteSpan bytes) {
    const auto end = std::find(bytes.begin(), bytes.end(), uint8_t{0});
    if (end == bytes.end()) {
        return BootProblem::text_unterminated;
    }
    return std::string_view{reinterpret_cast<const char *>(bytes.data()),
                            static_cast<std::size_t>(end - bytes.begin())};
}

[[nodiscard]] inline Expected<ByteSpan, BootProblem> read_physical(const PhysicalReader &reader, MachineAddress address,
                                                                   uint64_t size) {
    if (size == 0) {
        return ByteSpan{};
    }
    Result<ByteSpan> bytes = reader.read(address, size);
    if (!bytes.ok()) {
        return BootProblem::unreadable;
    }
    return bytes.value();
}

}  // namespace ringfold
