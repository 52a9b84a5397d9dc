// SPDX-License-Identifier: Apache-2.0
//
// The two 8259s of every PC. They are not used: their vectors move off the exceptions' and every line is masked.
#pragma once

namespace ringfold {

void silence_pics();

}  // namespace ringfold
