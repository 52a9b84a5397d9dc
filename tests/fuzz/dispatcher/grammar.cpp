// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/dispatcher/grammar.hpp"

#include <ringfold/base.h>
#include <ringfold/domain.h>

namespace ringfold::fuzzed {

const std::vector<Call> &all_calls() {
    static const std::vector<Call> calls{
#include <ringfold/hypercall_grammar.inc>
    };
    return calls;
}

const Call *find_call(uint64_t number) { return number < all_calls().size() ? &all_calls()[number] : nullptr; }

}  // namespace ringfold::fuzzed
