// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/elf_notes.hpp"

#include "hypervisor/domain/elf_format.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <ringfold/start_info.h>

#include <algorithm>
#include <string_view>

namespace ringfold {

namespace {

using Bytes = std::span<const std::byte>;

bool is_ours(Bytes name) {
    constexpr std::string_view owner{RINGFOLD_NOTE_OWNER, sizeof(RINGFOLD_NOTE_OWNER)};  // with its NUL
    const auto same = [](std::byte byte, char character) { return std::to_integer<char>(byte) == character; };
    return std::equal(name.begin(), name.end(), owner.begin(), owner.end(), same);
}

template <typename T>
Expected<void, ElfError> take_once(Bytes description, std::optional<T> &place) {
    if (description.size() != sizeof(T)) {
        return ElfError::bad_note_size;
    }
    if (place) {
        return ElfError::duplicate_note;
    }
    T value;
    __builtin_memcpy(&value, description.data(), sizeof value);
    place = value;
    return {};
}

Expected<void, ElfError> read_ours(uint32_t type, Bytes description, ElfNotes &notes) {
    switch (type) {
        case RINGFOLD_NOTE_ABI_VERSION:
            return take_once(description, notes.abi_version);
        case RINGFOLD_NOTE_MAPPED_BYTES:
            return take_once(description, notes.mapped_bytes);
        case RINGFOLD_NOTE_HYPERCALL_RETURN:
            return take_once(description, notes.hypercall_return);
        case RINGFOLD_NOTE_ENTRY:
            return take_once(description, notes.entry);
        default:
            return ElfError::unknown_note;
    }
}

// Walks a note segment. Padding counts from the segment's start, and may be missing at its end.
class NoteReader {
  public:
    constexpr NoteReader(Bytes segment, uint64_t padding) : segment_(segment), padding_(padding) {}

    [[nodiscard]] bool at_end() const { return position_ == segment_.size(); }
    [[nodiscard]] std::optional<Bytes> take(uint64_t size) {
        if (size > segment_.size() - position_) {
            return std::nullopt;
        }
        const Bytes piece = segment_.subspan(position_, size);
        position_ += size;
        return piece;
    }
    [[nodiscard]] std::optional<Bytes> take_padded(uint64_t size) {
        const auto piece = take(size);
        position_ = std::min<uint64_t>(align_up(position_, padding_), segment_.size());
        return piece;
    }

  private:
    Bytes segment_;
    uint64_t padding_;
    uint64_t position_ = 0;
};

}  // namespace

Expected<void, ElfError> read_elf_notes(Bytes segment, uint64_t alignment, ElfNotes &notes) {
    // Notes are padded to 4 bytes, whatever less the segment says; .note.gnu.property brought 8.
    const uint64_t padding = std::max<uint64_t>(alignment, 4);
    if (padding != 4 && padding != 8) {
        return ElfError::bad_note_alignment;
    }
    for (NoteReader reader(segment, padding); !reader.at_end();) {
        const auto header_bytes = reader.take(sizeof(elf::NoteHeader));
        if (!header_bytes) {
            return ElfError::truncated_note;
        }
        elf::NoteHeader header;
        __builtin_memcpy(&header, header_bytes->data(), sizeof header);
        const auto name = reader.take_padded(header.name_size);
        const auto description = name ? reader.take_padded(header.description_size) : std::nullopt;
        if (!description) {
            return ElfError::truncated_note;
        }
        if (is_ours(*name)) {
            TRY(read_ours(header.type, *description, notes));
        }
    }
    return {};
}

}  // namespace ringfold
