// SPDX-License-Identifier: Apache-2.0
#pragma once

constexpr unsigned min(unsigned one, unsigned other) { return one < other ? one : other; }

#define clamp_t(type, value, least, most) \
    (type{value} < type{least} ? type{least} : type{value} > type{most} ? type{most} : type{value})
