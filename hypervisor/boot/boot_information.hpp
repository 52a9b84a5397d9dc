// SPDX-License-Identifier: Apache-2.0
//
// What the boot loader told us, in a form of our own: every byte is copied, so nothing depends on memory that the
// loader filled.
#pragma once

#include "hypervisor/boot/memory_map.hpp"
#include "hypervisor/lib/expected.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/platform/bounded_list.hpp"
#include "hypervisor/platform/physical_reader.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ringfold {

inline constexpr std::size_t max_memory_ranges = 128;
inline constexpr std::size_t max_boot_modules = 16;

// A piece of BootText.
struct TextSlice {
    uint32_t offset = 0;
    uint32_t length = 0;
};

struct BootModule {
    MachineAddress begin;
    MachineAddress end;  // exclusive
    TextSlice text;
};

// The RSDP as multiboot2 passes it: a copy of 20 (ACPI 1) or 36 bytes (later).
struct RootPointerCopy {
    std::array<uint8_t, 36> bytes{};
    uint8_t size = 0;
};

class BootInformation {
  public:
    BoundedList<MemoryRange, max_memory_ranges> memory;
    BoundedList<BootModule, max_boot_modules> modules;
    std::optional<RootPointerCopy> acpi;

    [[nodiscard]] std::string_view command_line() const { return text(command_line_); }
    [[nodiscard]] std::string_view loader() const { return text(loader_); }
    // The module's command line: its name and arguments, as in the boot loader's configuration.
    [[nodiscard]] std::string_view text_of(const BootModule &module) const { return text(module.text); }
    // The end of the highest available memory.
    [[nodiscard]] MachineAddress memory_end() const;

    // For the parsers. Nothing if there is no room left.
    [[nodiscard]] std::optional<TextSlice> keep(std::string_view text);
    void set_command_line(TextSlice slice) { command_line_ = slice; }
    void set_loader(TextSlice slice) { loader_ = slice; }

  private:
    [[nodiscard]] std::string_view text(TextSlice slice) const { return {text_.data() + slice.offset, slice.length}; }

    std::array<char, std::size_t{16} * 1024> text_{};
    std::size_t text_used_ = 0;
    TextSlice command_line_;
    TextSlice loader_;
};

enum class BootProblem : uint8_t {
    unknown_loader,     // the magic number is neither multiboot's
    unreadable,         // a pointer leads outside readable memory
    truncated,          // a structure ends in the middle
    text_unterminated,  // a string without an end
    text_too_long,      // all strings together do not fit
    no_memory_map,
    bad_memory_range,  // empty, wrapping or of impossible size
    too_many_memory_ranges,
    bad_module,  // ends before it begins
    too_many_modules,
    bad_tag,  // a multiboot2 tag shorter than its type needs
};
[[nodiscard]] std::string_view name_of(BootProblem problem);

// What the loader leaves in EAX (multiboot 1: section 3.2; 2: section 3.3).
inline constexpr uint32_t multiboot1_loader_magic = 0x2bad'b002;
inline constexpr uint32_t multiboot2_loader_magic = 0x36d7'6289;

// Reads what the loader left at `information` into `result`, which must be fresh. Malformed input is refused.
[[nodiscard]] Expected<void, BootProblem> parse_boot_information(uint32_t magic, MachineAddress information,
                                                                 const PhysicalReader &reader, BootInformation &result);

// The two formats.
[[nodiscard]] Expected<void, BootProblem> parse_multiboot1(MachineAddress information, const PhysicalReader &reader,
                                                           BootInformation &result);
[[nodiscard]] Expected<void, BootProblem> parse_multiboot2(MachineAddress information, const PhysicalReader &reader,
                                                           BootInformation &result);

// Shared by both. The entries are checked, clipped to what the direct map reaches, and empty ones are left out.
[[nodiscard]] Expected<void, BootProblem> add_memory_range(uint64_t base, uint64_t length, uint32_t type,
                                                           BootInformation &result);
[[nodiscard]] Expected<void, BootProblem> add_module(uint64_t begin, uint64_t end, std::string_view text,
                                                     BootInformation &result);

}  // namespace ringfold
