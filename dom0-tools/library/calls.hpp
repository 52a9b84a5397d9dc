// SPDX-License-Identifier: Apache-2.0
//
// How hypervisor*.cpp issue hypercalls: a structure as data, preempted calls issued again.
#pragma once

#include "dom0-tools/library/hypercall_port.hpp"
#include "dom0-tools/library/hypercall_text.hpp"

#include <ringfold/base.h>
#include <ringfold/hypercall_numbers.h>

#include <chrono>
#include <thread>

namespace ringfold::tools::calls {

inline constexpr std::chrono::seconds patience{10};  // for calls that wait for others

// Bytes of a plain structure.
template <typename T>
std::span<std::byte> bytes_of(T &object) {
    return std::as_writable_bytes(std::span{&object, 1});
}

// One hypercall; what it refuses is a failure.
inline Outcome<uint64_t> issue(HypercallPort &port, const HypercallRequest &request) {
    const HypercallAnswer answer = TRY(port.request(request));
    if (answer.status != 0) {
        return hypercall_failure(request.number, answer.status);
    }
    return answer.value;
}

// A call that is issued as it is until it is done; `go_on` moves its arguments as the progress tells.
template <typename GoOn>
Outcome<uint64_t> issue_until_done(HypercallPort &port, HypercallRequest request, GoOn go_on) {
    const auto end = std::chrono::steady_clock::now() + patience;
    for (unsigned tries = 0;; ++tries) {
        const HypercallAnswer answer = TRY(port.request(request));
        if (answer.status == 0) {
            return answer.value;
        }
        if (answer.status != -RINGFOLD_EAGAIN || std::chrono::steady_clock::now() > end) {
            return hypercall_failure(request.number, answer.status);
        }
        go_on(request, answer.value);
        if (tries > 16) {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
    }
}

inline Outcome<uint64_t> issue_until_done(HypercallPort &port, const HypercallRequest &request) {
    return issue_until_done(port, request, [](HypercallRequest &, uint64_t) {});
}

}  // namespace ringfold::tools::calls
