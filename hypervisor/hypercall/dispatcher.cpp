// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/hypercall/dispatcher.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/trace/trace.hpp"

#include <ringfold/base.h>
#include <ringfold/hypercall.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>

namespace ringfold {

namespace {

// Argument registers in the order of the calling convention.
constexpr std::array argument_registers{&EntryFrame::rdi, &EntryFrame::rsi, &EntryFrame::rdx,
                                        &EntryFrame::r10, &EntryFrame::r8,  &EntryFrame::r9};

using Outcome = CallOutcome;

Outcome outcome_of(const Result<void> &result) {
    return {.status = result.ok() ? 0 : to_abi(result.error()), .second = 0};
}
Outcome outcome_of(const Result<uint64_t> &result) {
    return {.status = result.ok() ? 0 : to_abi(result.error()), .second = result.ok() ? result.value() : 0};
}
Outcome outcome_of(const hypercall::Progress &progress) {
    return {.status = outcome_of(progress.result).status, .second = progress.done};
}

// Calls `Handler` with its arguments taken from the registers. A register with bits that the argument does not have is
// refused: nothing is cut off silently.
template <auto Handler, typename Returns, typename... Arguments, std::size_t... Index>
Outcome invoke(Vcpu &caller, const EntryFrame &frame, Returns (*)(Vcpu &, Arguments...),
               std::index_sequence<Index...>) {
    const bool fits = ((frame.*argument_registers[Index] <= std::numeric_limits<Arguments>::max()) && ...);
    if (!fits) {
        return outcome_of(Result<void>{Error::out_of_range});
    }
    return outcome_of(Handler(caller, static_cast<Arguments>(frame.*argument_registers[Index])...));
}

template <typename>
struct ArgumentCount;
template <typename Returns, typename... Arguments>
struct ArgumentCount<Returns (*)(Vcpu &, Arguments...)> {
    static constexpr std::size_t value = sizeof...(Arguments);
};

template <auto Handler>
Outcome call(Vcpu &caller, const EntryFrame &frame) {
    return invoke<Handler>(caller, frame, Handler, std::make_index_sequence<ArgumentCount<decltype(Handler)>::value>{});
}

struct Row {
    Outcome (*call)(Vcpu &, const EntryFrame &);
    Rights needed;  // for anything to happen
};

constexpr std::array table{
#define HYPERCALL(number, name, right, right_for_another, second, ...) Row{&call<&hypercall::name>, Rights{right}},
#include <ringfold/dispatch_table.inc>
};
static_assert(table.size() == Counts::unknown_number, "each number has a count of its own");

constexpr std::array alone{
#define ALONE(number, name) uint64_t{number},
#include <ringfold/alone_table.inc>
};

// Inlined: the path of every hypercall, and that of the parts of a multicall.
[[gnu::always_inline]] inline Outcome carry_out(Vcpu &caller, const EntryFrame &frame, bool is_part) {
    // The caller is on this CPU: what count.hpp asks need not be asked here.
    auto &counts = this_cpu().guest.counts.hypercalls;
    auto &counts_of_caller = caller.counts.hypercalls;
    const uint64_t number = frame.rax;
    if (number >= table.size()) {
        ++counts[Counts::unknown_number];
        ++counts_of_caller[Counts::unknown_number];
        return {.status = -RINGFOLD_ENOSYS, .second = 0};
    }
    ++counts[number];
    ++counts_of_caller[number];
    const Row &row = table[number];
    if (!caller.domain.rights.includes(row.needed)) {
        return outcome_of(Result<void>{Error::not_permitted});
    }
    if (is_part && std::find(alone.begin(), alone.end(), number) != alone.end()) {
        return outcome_of(Result<void>{Error::invalid_argument});
    }
    return row.call(caller, frame);
}

}  // namespace

int64_t to_abi(Error error) {
    switch (error) {
        case Error::invalid_argument:
            return -RINGFOLD_EINVAL;
        case Error::out_of_range:
            return -RINGFOLD_ERANGE;
        case Error::bad_frame:
            return -RINGFOLD_EFAULT;
        case Error::not_permitted:
            return -RINGFOLD_EPERM;
        case Error::access_denied:
            return -RINGFOLD_EACCES;
        case Error::busy:
            return -RINGFOLD_EBUSY;
        case Error::not_found:
            return -RINGFOLD_ENOENT;
        case Error::already_exists:
            return -RINGFOLD_EEXIST;
        case Error::out_of_memory:
            return -RINGFOLD_ENOMEM;
        case Error::limit_reached:
            return -RINGFOLD_EOVERFLOW;
        case Error::quota:
            return -RINGFOLD_EMFILE;
        case Error::again:
            return -RINGFOLD_EAGAIN;
        case Error::not_supported:
            return -RINGFOLD_ENOSYS;
        case Error::malformed:
            return -RINGFOLD_ENOEXEC;
        case Error::device:
            return -RINGFOLD_ENODEV;
        case Error::inconsistent:
            return -RINGFOLD_EUCLEAN;
    }
    return -RINGFOLD_EINVAL;
}

CallOutcome dispatch_part(Vcpu &caller, const EntryFrame &frame) {
    trace::note<trace::Class::hypercalls>(RINGFOLD_TRACE_HYPERCALL, frame.rax, frame.rdi);
    const Outcome outcome = carry_out(caller, frame, true);
    trace::note<trace::Class::hypercalls>(RINGFOLD_TRACE_HYPERCALL_RETURN, static_cast<uint64_t>(outcome.status),
                                          outcome.second);
    return outcome;
}

void dispatch_hypercall(Vcpu &caller, EntryFrame &frame) {
    Outcome outcome{.status = 0, .second = 0};
    if (frame.rax == RINGFOLD_GATE_INVALIDATE_PAGE) {
        // The gate passes on what INVLPG cannot do where there are PCIDs: a page of the kernel half may be cached under
        // each of this CPU's.
        this_cpu().guest.roots.flush_all();
    } else {
        outcome = carry_out(caller, frame, false);
    }
    frame.rax = static_cast<uint64_t>(outcome.status);
    frame.rdx = outcome.second;
}

}  // namespace ringfold
