// SPDX-License-Identifier: Apache-2.0
//
// What a domain says about itself to people: version and console.
#include "hypervisor/boot/build_id.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/builder.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/lib/log.hpp"

#include <ringfold/base.h>
#include <ringfold/console.h>

#include <algorithm>
#include <array>

namespace ringfold::hypercall {

Returns_value version(Vcpu &, uint32_t query) {
    switch (query) {
        case 0:
            return uint64_t{RINGFOLD_ABI_VERSION};
        case 1:
            return start_flags();
        case 2:
            return build_id_prefix();
        default:
            return Error::invalid_argument;
    }
}

Returns_value console_write(Vcpu &caller, uint64_t offset, uint64_t length) {
    constexpr uint64_t longest = 4096;
    if (length > longest) {
        return Error::out_of_range;
    }
    TRY(caller.call_buffer.check(offset, length));
    auto console = caller.domain.console.lock();
    const auto emit = [&caller](std::string_view text) { log_guest(caller.domain.id, text); };
    std::array<char, 256> chunk;
    for (uint64_t done = 0; done < length;) {
        const std::span part = std::span{chunk}.first(std::min<uint64_t>(chunk.size(), length - done));
        TRY(caller.call_buffer.read_array(offset + done, part));
        for (const char c : part) {
            console->line.put(c, emit);
        }
        done += part.size();
    }
    return length;
}

Returns_value console_read(Vcpu &caller, uint64_t offset, uint64_t length) {
    if (length > RINGFOLD_CONSOLE_INPUT_MAX) {
        return Error::out_of_range;
    }
    // Checked before anything is taken: what is refused is still there to be read.
    TRY(caller.call_buffer.check(offset, sizeof(ringfold_console_input) + length));
    const uint64_t bytes = offset + sizeof(ringfold_console_input);
    std::array<char, InputBuffer::capacity> input;
    ringfold_console_input answer{};
    {
        auto console = caller.domain.console.lock();
        answer.length = console->input.take(std::span{input}.first(std::min<uint64_t>(input.size(), length)));
        answer.lost = console->input.lost();
    }
    TRY(caller.call_buffer.write_array(bytes, std::span<const char>{input}.first(answer.length)));
    TRY(caller.call_buffer.write_object(offset, answer));
    return answer.length;
}

}  // namespace ringfold::hypercall
