// SPDX-License-Identifier: Apache-2.0
//
// How hypercalls read what is kept by position, a log or a console's output: struct ringfold_log_part, then the bytes.
#pragma once

#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/hypercall/handlers.hpp"

#include <ringfold/console.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace ringfold::hypercall {

// Writes at most `length` bytes from `position` on, without a gap. read(uint64_t &position, std::span<char>) copies
// bytes, from a position that it may move up, moves it behind them and returns how many they are. Returns how many
// bytes were written. out_of_range: length above RINGFOLD_LOG_PART_MAX; bad_frame: the call buffer.
template <typename Read>
Returns_value write_log_part(const Vcpu &caller, uint64_t position, uint64_t offset, uint64_t length, Read &&read) {
    if (length > RINGFOLD_LOG_PART_MAX) {
        return Error::out_of_range;
    }
    TRY(caller.call_buffer.check(offset, sizeof(ringfold_log_part) + length));
    const uint64_t text = offset + sizeof(ringfold_log_part);
    std::array<char, 256> chunk;
    uint64_t done = 0;
    while (done < length) {
        const std::span part = std::span{chunk}.first(std::min<uint64_t>(chunk.size(), length - done));
        uint64_t next = position;
        const std::size_t copied = read(next, part);
        if (done > 0 && next != position + copied) {
            break;  // overwritten meanwhile
        }
        TRY(caller.call_buffer.write_array(text + done, std::span<const char>{part}.first(copied)));
        position = next;
        done += copied;
        if (copied < part.size()) {
            break;
        }
    }
    TRY(caller.call_buffer.write_object(offset, ringfold_log_part{.next = position, .length = done}));
    return done;
}

}  // namespace ringfold::hypercall
