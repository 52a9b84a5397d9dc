// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/hypercall_text.hpp"

#include <ringfold/base.h>

#include <fmt/core.h>

#include <array>
#include <cstring>

namespace ringfold::tools {

namespace {

struct Name {
    uint32_t number;
    std::string_view name;
};

struct Cause {
    uint32_t number;
    int error;
    std::string_view text;
};

constexpr auto names = std::to_array<Name>({
#define HYPERCALL(number, name) {number, name},
#define CAUSE(number, error, text)
#include <ringfold/hypercall_texts.inc>
#undef HYPERCALL
#undef CAUSE
});

constexpr auto causes = std::to_array<Cause>({
#define HYPERCALL(number, name)
#define CAUSE(number, error, text) {number, error, text},
#include <ringfold/hypercall_texts.inc>
#undef HYPERCALL
#undef CAUSE
});

Kind kind_of(int64_t error) {
    switch (error) {
        case RINGFOLD_ENOENT:
            return Kind::not_found;
        case RINGFOLD_EBUSY:
            return Kind::busy;
        case RINGFOLD_ENOMEM:
            return Kind::memory;
        case RINGFOLD_EPERM:
            return Kind::permission;
        case RINGFOLD_ENOSYS:
            return Kind::unsupported;
        default:
            return Kind::failed;
    }
}

std::string_view cause_of(uint32_t number, int64_t error) {
    for (const Cause &cause : causes) {
        if (cause.number == number && cause.error == error) {
            return cause.text;
        }
    }
    return error == RINGFOLD_ENOSYS ? "not in this version of the hypervisor" : "an error that the ABI does not list";
}

}  // namespace

std::string_view hypercall_name(uint32_t number) {
    for (const Name &row : names) {
        if (row.number == number) {
            return row.name;
        }
    }
    return {};
}

Failure hypercall_failure(uint32_t number, int64_t status) {
    const int64_t error = -status;
    const char *name = strerrorname_np(static_cast<int>(error));
    return {kind_of(error), fmt::format("{}: {} ({})", hypercall_name(number), cause_of(number, error),
                                        name == nullptr ? fmt::format("error {}", error) : name)};
}

}  // namespace ringfold::tools
