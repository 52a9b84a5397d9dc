// SPDX-License-Identifier: Apache-2.0
//
// Included before every source of the hypervisor by the build. -fvisibility=hidden speaks for definitions only; this
// makes declarations hidden as well, so that the compiler takes the address of what another file defines relative to
// RIP instead of from a global offset table, which this image does not have.
#pragma once

#pragma GCC visibility push(hidden)
