// SPDX-License-Identifier: Apache-2.0
//
// Repeats a test's rounds while the machine's operator sends NMIs, and tells where in the gate they hit.
#pragma once

namespace guest {

// Calls round() for a second, and after that as long as NMIs or machine checks keep coming. In debug builds prints each
// offset of the gate's text when it was hit for the first time ("hit: 1a 1f ..."), and at the end the whole histogram
// ("histogram: 1a*3 ...").
void repeat_under_nmis(void (*round)());

}  // namespace guest
