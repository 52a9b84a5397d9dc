// SPDX-License-Identifier: Apache-2.0
//
// One function a hypercall, declared from the generated table: hypercall::NAME(Vcpu &caller, arguments...). What RDX
// means decides the type that it returns.
#pragma once

#include "hypervisor/lib/result.hpp"

#include <cstdint>

namespace ringfold {

struct Vcpu;

namespace hypercall {

// How far a batch came, and why it stopped if it did.
struct Progress {
    constexpr Progress(uint64_t steps, Result<void> why) : done(steps), result(why) {}
    constexpr Progress(Error error) : result(error) {}  // NOLINT(google-explicit-constructor): as Result's, for TRY

    uint64_t done = 0;
    Result<void> result;
};

using Returns_nothing = Result<void>;
using Returns_value = Result<uint64_t>;
using Returns_progress = Progress;

#define HYPERCALL(number, name, right, right_for_another, second, ...) \
    [[nodiscard]] Returns_##second name(Vcpu &caller __VA_OPT__(, ) __VA_ARGS__);
#include <ringfold/dispatch_table.inc>

}  // namespace hypercall
}  // namespace ringfold
