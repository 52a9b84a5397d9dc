// SPDX-License-Identifier: Apache-2.0
#pragma once

constexpr unsigned min(unsigned one, unsigned other) { return one < other ? one : other; }

// As Linux' own, this evaluates its arguments once.
template <typename Type>
constexpr Type clamped(Type value, Type least, Type most) {
    return value < least ? least : value > most ? most : value;
}
#define clamp_t(type, value, least, most) clamped<type>(value, least, most)
