// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace hwprobe {

struct CommandLineWords {
    bool nowait = false;
    bool exit = false;
};

// From the boot loader's information, multiboot 1 or 2.
[[nodiscard]] CommandLineWords read_command_line(uint32_t magic, uint32_t information);

}  // namespace hwprobe
