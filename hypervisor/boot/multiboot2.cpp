// SPDX-License-Identifier: Apache-2.0
//
// Multiboot2 Specification version 2.0, section 3.6: a sequence of tags, each with type and size, 8-byte aligned.
#include "hypervisor/boot/boot_information.hpp"
#include "hypervisor/boot/boot_reader.hpp"

namespace ringfold {

namespace {

constexpr uint64_t header_size = 8;  // total size, reserved
constexpr uint64_t tag_header_size = 8;
constexpr uint64_t largest_information = uint64_t{1} << 20;

enum class Tag : uint32_t {
    end = 0,
    command_line = 1,
    loader = 2,
    module = 3,
    memory_map = 6,
    acpi_old = 14,
    acpi_new = 15,
};

constexpr std::size_t module_header_size = 8;  // begin, end; the text follows
constexpr std::size_t map_header_size = 8;     // entry size, entry version
constexpr std::size_t smallest_map_entry = 24;
constexpr std::size_t acpi_old_size = 20;
constexpr std::size_t acpi_new_size = 36;

using Outcome = Expected<void, BootProblem>;

Outcome keep_text(ByteSpan body, BootInformation &result, void (BootInformation::*set)(TextSlice)) {
    const auto slice = result.keep(TRY(text_at_start(body)));
    if (!slice) {
        return BootProblem::text_too_long;
    }
    (result.*set)(*slice);
    return {};
}

Outcome parse_module(ByteSpan body, BootInformation &result) {
    if (body.size() < module_header_size) {
        return BootProblem::bad_tag;
    }
    const std::string_view text = TRY(text_at_start(body.subspan(module_header_size)));
    return add_module(word_at<uint32_t>(body, 0), word_at<uint32_t>(body, 4), text, result);
}

Outcome parse_memory_map(ByteSpan body, BootInformation &result) {
    if (body.size() < map_header_size) {
        return BootProblem::bad_tag;
    }
    const auto entry_size = word_at<uint32_t>(body, 0);
    if (entry_size < smallest_map_entry || entry_size % 8 != 0) {
        return BootProblem::bad_tag;
    }
    for (body = body.subspan(map_header_size); !body.empty(); body = body.subspan(entry_size)) {
        if (body.size() < entry_size) {
            return BootProblem::truncated;
        }
        TRY(add_memory_range(word_at<uint64_t>(body, 0), word_at<uint64_t>(body, 8), word_at<uint32_t>(body, 16),
                             result));
    }
    return {};
}

Outcome keep_root_pointer(ByteSpan body, std::size_t size, BootInformation &result) {
    if (body.size() < size) {
        return BootProblem::bad_tag;
    }
    RootPointerCopy copy;
    std::copy_n(body.begin(), size, copy.bytes.begin());
    copy.size = static_cast<uint8_t>(size);
    if (!result.acpi || result.acpi->size < copy.size) {
        result.acpi = copy;
    }
    return {};
}

Outcome parse_tag(Tag type, ByteSpan body, BootInformation &result) {
    switch (type) {
        case Tag::command_line:
            return keep_text(body, result, &BootInformation::set_command_line);
        case Tag::loader:
            return keep_text(body, result, &BootInformation::set_loader);
        case Tag::module:
            return parse_module(body, result);
        case Tag::memory_map:
            return parse_memory_map(body, result);
        case Tag::acpi_old:
            return keep_root_pointer(body, acpi_old_size, result);
        case Tag::acpi_new:
            return keep_root_pointer(body, acpi_new_size, result);
        case Tag::end:
            break;
    }
    return {};  // one that we did not ask for
}

}  // namespace

Outcome parse_multiboot2(MachineAddress information, const PhysicalReader &reader, BootInformation &result) {
    const auto total = word_at<uint32_t>(TRY(read_physical(reader, information, header_size)), 0);
    if (total < header_size + tag_header_size || total > largest_information) {
        return BootProblem::truncated;
    }
    ByteSpan tags = TRY(read_physical(reader, information, total)).subspan(header_size);
    for (;;) {
        if (tags.size() < tag_header_size) {
            return BootProblem::truncated;  // no end tag
        }
        const auto type = static_cast<Tag>(word_at<uint32_t>(tags, 0));
        const auto size = word_at<uint32_t>(tags, 4);
        if (type == Tag::end) {
            break;
        }
        if (size < tag_header_size || size > tags.size()) {
            return BootProblem::truncated;
        }
        TRY(parse_tag(type, tags.subspan(tag_header_size, size - tag_header_size), result));
        tags = tags.subspan(std::min<std::size_t>(align_up(size, 8), tags.size()));
    }
    if (result.memory.empty()) {
        return BootProblem::no_memory_map;
    }
    return {};
}

}  // namespace ringfold
