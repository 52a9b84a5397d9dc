// SPDX-License-Identifier: Apache-2.0
//
// What drivers that are compiled for the host take from Linux: as little as they need, and nothing behind it.
#pragma once

#include_next <linux/types.h>

#include <cstdint>

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
