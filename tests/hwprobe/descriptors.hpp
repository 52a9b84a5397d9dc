// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hwprobe {

// Loads GDT, LDT (with its call gate), TSS and IDT, and maps the special pages.
void load_descriptors();

// GDTR on the read-only alias of the table, or back on the table.
void load_gdt(bool read_only);

// Does this address lie in the read-only alias?
[[nodiscard]] bool in_read_only_gdt(unsigned long address);

}  // namespace hwprobe
