// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/outcome.hpp"

#include <fmt/core.h>

#include <array>
#include <cstring>

namespace ringfold::tools {

namespace {

struct KindName {
    Kind kind;
    std::string_view name;
    int status;
};

// docs/hvctl.md and man/hvctl.1 list these.
constexpr std::array kinds{
    KindName{Kind::failed, "failed", 1},
    KindName{Kind::usage, "usage", 2},
    KindName{Kind::not_found, "not-found", 3},
    KindName{Kind::exists, "exists", 4},
    KindName{Kind::busy, "busy", 5},
    KindName{Kind::configuration, "configuration", 6},
    KindName{Kind::image, "image", 7},
    KindName{Kind::memory, "memory", 8},
    KindName{Kind::unsupported, "unsupported", 9},
    KindName{Kind::permission, "permission", 10},
    KindName{Kind::connection, "connection", 11},
};

const KindName &row_of(Kind kind) {
    for (const KindName &row : kinds) {
        if (row.kind == kind) {
            return row;
        }
    }
    return kinds.front();
}

}  // namespace

std::string_view name_of(Kind kind) { return row_of(kind).name; }

std::optional<Kind> kind_named(std::string_view name) {
    for (const KindName &row : kinds) {
        if (row.name == name) {
            return row.kind;
        }
    }
    return std::nullopt;
}

int exit_status(Kind kind) { return row_of(kind).status; }

Failure wrong(std::string text) { return {Kind::configuration, std::move(text)}; }

Failure during(std::string_view doing, const Failure &failure) {
    return {failure.kind, fmt::format("{}: {}", doing, failure.text)};
}

Failure system_failure(std::string_view doing, int error) {
    const bool denied = error == EACCES || error == EPERM;
    return {denied ? Kind::permission : Kind::failed, fmt::format("{}: {}", doing, std::strerror(error))};
}

}  // namespace ringfold::tools
