// SPDX-License-Identifier: Apache-2.0
//
// How the strong types print: identifiers and counts in decimal, frames and addresses in hexadecimal with 0x.
#pragma once

#include "hypervisor/lib/format.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

namespace ringfold {

namespace format_details {
[[nodiscard]] constexpr FormatSpec in_hexadecimal(FormatSpec spec) {
    if (spec.type == FormatSpec::Type::automatic) {
        spec.type = FormatSpec::Type::hexadecimal;
        spec.prefix = true;
    }
    return spec;
}
}  // namespace format_details

template <typename Tag, typename Word>
void format_value(FormatBuffer &out, const FormatSpec &spec, Identifier<Tag, Word> value) {
    format_unsigned(out, spec, value.raw());
}
template <typename Tag, typename Word>
inline constexpr bool takes_number_spec<Identifier<Tag, Word>> = true;

inline void format_value(FormatBuffer &out, const FormatSpec &spec, FrameCount value) {
    format_unsigned(out, spec, value.raw());
}
template <>
inline constexpr bool takes_number_spec<FrameCount> = true;

inline void format_value(FormatBuffer &out, const FormatSpec &spec, Order value) {
    format_unsigned(out, spec, value.raw());
}
template <>
inline constexpr bool takes_number_spec<Order> = true;

template <typename Tag>
void format_value(FormatBuffer &out, const FormatSpec &spec, Frame<Tag> value) {
    format_unsigned(out, format_details::in_hexadecimal(spec), value.raw());
}
template <typename Tag>
inline constexpr bool takes_number_spec<Frame<Tag>> = true;

template <typename Tag>
void format_value(FormatBuffer &out, const FormatSpec &spec, Address<Tag> value) {
    format_unsigned(out, format_details::in_hexadecimal(spec), value.raw());
}
template <typename Tag>
inline constexpr bool takes_number_spec<Address<Tag>> = true;

[[nodiscard]] std::string_view name_of(Error error);

inline void format_value(FormatBuffer &out, const FormatSpec &spec, Error error) {
    format_text(out, spec, name_of(error));
}

}  // namespace ringfold
