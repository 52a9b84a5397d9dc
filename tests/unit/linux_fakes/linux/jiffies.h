// SPDX-License-Identifier: Apache-2.0
#pragma once

#define HZ 250UL

extern unsigned long jiffies;

#define time_after_eq(later, earlier) (static_cast<long>((later) - (earlier)) >= 0)
