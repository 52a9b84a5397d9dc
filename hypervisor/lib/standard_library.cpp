// SPDX-License-Identifier: Apache-2.0
//
// What the headers of libstdc++ call when a caller broke a rule (<bits/functexcept.h>, <bits/c++config.h>). Here that
// is a mistake of the hypervisor's own.
#include "hypervisor/lib/panic.hpp"

namespace std {

__attribute__((__noreturn__)) void __throw_out_of_range_fmt(const char *what, ...);
__attribute__((__noreturn__)) void __throw_out_of_range(const char *what);
__attribute__((__noreturn__)) void __throw_length_error(const char *what);
__attribute__((__noreturn__)) void __throw_bad_optional_access();

void __throw_out_of_range_fmt(const char *what, ...) { ringfold::panic("out of range: {}", what); }
void __throw_out_of_range(const char *what) { ringfold::panic("out of range: {}", what); }
void __throw_length_error(const char *what) { ringfold::panic("length error: {}", what); }
void __throw_bad_optional_access() { ringfold::panic("an empty optional was used"); }

}  // namespace std
