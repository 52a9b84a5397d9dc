// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/build_id.hpp"

namespace {

// An ELF note (System V gABI, "Note Section") as `ld --build-id` writes it.
struct BuildIdNote {
    uint32_t name_size;
    uint32_t content_size;
    uint32_t type;
    char name[4];
    uint8_t content[20];
};

}  // namespace

extern "C" const BuildIdNote build_id_note;  // hypervisor.ld

namespace ringfold {

std::span<const uint8_t> build_id() { return build_id_note.content; }

uint64_t build_id_prefix() {
    uint64_t prefix = 0;
    for (const uint8_t byte : build_id().first(sizeof prefix)) {
        prefix = prefix << 8 | byte;
    }
    return prefix;
}

std::string_view version_text() { return RINGFOLD_VERSION; }

std::string_view compiler_text() {
#if defined(__clang__)
    return "Clang " __clang_version__;
#else
    return "GCC " __VERSION__;
#endif
}

}  // namespace ringfold
