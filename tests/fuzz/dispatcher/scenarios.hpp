// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ringfold::fuzzed {

// What was found once, in a world of its own each: tried before the fuzzer begins, for its inputs mean something else
// when the table of hypercalls grows. A broken one is a finding.
void try_scenarios();

}  // namespace ringfold::fuzzed
