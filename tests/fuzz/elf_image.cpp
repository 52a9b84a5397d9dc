// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: any bytes as a guest image. Parsing must stay within them, and what it accepts must keep the
// promises of elf_image.hpp, which the domain builder relies on.
#include "elf_promises.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, std::size_t size) {
    const std::span<const std::byte> file(reinterpret_cast<const std::byte *>(data), size);
    const auto parsed = ringfold::parse_elf_image(file);
    if (parsed.ok()) {
        check_promises(parsed.value(), file);
    } else {
        require(!ringfold::reason(parsed.error()).empty());
    }
    return 0;
}
