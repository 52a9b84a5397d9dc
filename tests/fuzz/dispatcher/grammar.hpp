// SPDX-License-Identifier: Apache-2.0
//
// What abi/hypercalls.toml says of each hypercall, as tools/generate-abi.py puts it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ringfold::fuzzed {

// What RDX is on return: 0; a value, and 0 on error; how far the call came, on error too.
enum class Second : uint8_t { nothing, value, progress };

// What an argument stands for.
enum class Kind : uint8_t { number, offset, count, frame, domain, vcpu, port, time };

struct Argument {
    std::string_view name;
    unsigned bits;
    Kind kind;
    std::string_view record;  // of an offset: the type of what lies there; "": bytes
};

struct Call {
    uint32_t number;
    std::string_view name;
    Second second;
    bool alone;  // cannot be part of a multicall
    uint64_t right;
    uint64_t right_for_another;  // needed if its first argument names another domain
    std::vector<int64_t> errors;
    std::vector<Argument> arguments;
};

// By number.
[[nodiscard]] const std::vector<Call> &all_calls();
// Null: there is no such hypercall.
[[nodiscard]] const Call *find_call(uint64_t number);

}  // namespace ringfold::fuzzed
