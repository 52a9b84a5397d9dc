// SPDX-License-Identifier: Apache-2.0
//
// Exceptions before the gate's descriptor tables are loaded: each one is a panic with registers.
#pragma once

namespace ringfold {

void load_early_exceptions();

}  // namespace ringfold
