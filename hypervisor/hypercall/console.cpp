// SPDX-License-Identifier: Apache-2.0
//
// What a domain says about itself to people: version and console; and other domains' consoles.
#include "hypervisor/boot/build_id.hpp"
#include "hypervisor/console/focus.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/access.hpp"
#include "hypervisor/domain/builder.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/event/machine_irq.hpp"
#include "hypervisor/event/virtual_irq.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/hypercall/log_part.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <ringfold/base.h>
#include <ringfold/console.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

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

namespace {

// How much of it was logged: until a line finds no room, or it is time to make way.
std::size_t log_output(DomainId domain, ConsoleLine &line, std::span<const char> text) {
    bool is_due = false;
    const auto emit = [domain, &is_due](std::string_view whole) {
        const bool taken = log_guest(domain, whole);
        is_due = taken && machine::preemption_due();
        return taken;
    };
    std::size_t done = 0;
    while (done < text.size() && !is_due && line.put(text[done], emit)) {
        ++done;
    }
    return done;
}

// How much of it people see: as it is, or line by line; nobody sees what is for tools only.
std::size_t show_output(const Domain &domain, ConsoleLine &line, std::span<const char> text) {
    if (!domain.console_is_logged) {
        return text.size();
    }
    const focus::RawSink sink = focus::raw_sink_of(domain.id);
    return sink != nullptr ? sink(text) : log_output(domain.id, line, text);
}

// People and tools get the same bytes. How many.
std::size_t write_output(const Domain &domain, DomainConsole &console, std::span<const char> text) {
    const std::size_t taken = show_output(domain, console.line, text);
    console.output.write(text.first(taken));
    return taken;
}

}  // namespace

Returns_progress console_write(Vcpu &caller, uint64_t offset, uint64_t length) {
    constexpr uint64_t longest = 4096;
    if (length > longest) {
        return Error::out_of_range;
    }
    TRY(caller.call_buffer.check(offset, length));
    std::array<char, 256> chunk;
    bool is_news = false;
    uint64_t done = 0;
    for (bool goes_on = true; goes_on && done < length;) {
        const std::span part = std::span{chunk}.first(std::min<uint64_t>(chunk.size(), length - done));
        TRY(caller.call_buffer.read_array(offset + done, part));
        auto console = caller.domain.console.lock();
        const std::size_t taken = write_output(caller.domain, *console, part);
        is_news |= taken > 0 && std::exchange(console->reader_waits, false);
        done += taken;
        goes_on = taken == part.size() && !machine::preemption_due();
    }
    if (is_news) {
        raise_machine_irq(VirtualIrq::domain_console);
    }
    return {done, done == length ? Result<void>{} : Result<void>{Error::again}};
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
    bool is_room = false;
    {
        auto console = caller.domain.console.lock();
        answer.length = console->input.take(std::span{input}.first(std::min<uint64_t>(input.size(), length)));
        answer.lost = console->input.lost();
        is_room = answer.length > 0 && std::exchange(console->writer_waits, false);
    }
    if (is_room) {
        raise_machine_irq(VirtualIrq::domain_console);
    }
    TRY(caller.call_buffer.write_array(bytes, std::span<const char>{input}.first(answer.length)));
    TRY(caller.call_buffer.write_object(offset, answer));
    return answer.length;
}

Returns_value domain_console_read(Vcpu &caller, uint32_t domain, uint64_t position, uint64_t offset, uint64_t length) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::console));
    return write_log_part(caller, position, offset, length, [&target](uint64_t &next, std::span<char> part) {
        auto console = target->console.lock();
        const std::size_t copied = console->output.read(next, part);
        console->reader_waits |= next == console->output.written();
        return copied;
    });
}

Returns_value domain_console_write(Vcpu &caller, uint32_t domain, uint64_t offset, uint64_t length) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::console));
    if (length > RINGFOLD_CONSOLE_INPUT_MAX) {
        return Error::out_of_range;
    }
    std::array<char, RINGFOLD_CONSOLE_INPUT_MAX> bytes;
    const std::span input = std::span{bytes}.first(length);
    TRY(caller.call_buffer.read_array(offset, input));
    uint64_t taken = 0;
    {
        auto console = target->console.lock();
        taken = console->input.put(input);
        console->writer_waits |= taken < length;
    }
    if (taken > 0) {
        raise_virtual_irq(target->events, VirtualIrq::console);
    }
    return taken;
}

}  // namespace ringfold::hypercall
