// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/lib/format_units.hpp"

namespace ringfold {

std::string_view name_of(Error error) {
    switch (error) {
        case Error::invalid_argument:
            return "invalid argument";
        case Error::out_of_range:
            return "out of range";
        case Error::bad_frame:
            return "bad frame";
        case Error::not_permitted:
            return "not permitted";
        case Error::access_denied:
            return "access denied";
        case Error::busy:
            return "busy";
        case Error::not_found:
            return "not found";
        case Error::already_exists:
            return "already exists";
        case Error::out_of_memory:
            return "out of memory";
        case Error::limit_reached:
            return "limit reached";
        case Error::quota:
            return "quota exhausted";
        case Error::again:
            return "again";
        case Error::not_supported:
            return "not supported";
        case Error::malformed:
            return "malformed";
        case Error::inconsistent:
            return "inconsistent accounting";
        case Error::device:
            return "no such device";
    }
    return "?";
}

}  // namespace ringfold
