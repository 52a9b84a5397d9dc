// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: any bytes as hypercalls of several domains, through the dispatcher and its handlers, on a machine
// of four CPUs (dispatcher/machine.hpp) with three domains at first (dispatcher/world.hpp). What a hypercall takes and
// may answer is what abi/hypercalls.toml says (dispatcher/grammar.hpp). Each answer must be one that the table knows;
// who lacks a right changes nothing; the accounting is recounted now and then; and when all domains have gone,
// everything that they had is back.
//
// Everything is in, what blocks or does not return too: a CPU that has nobody to run is left alone until its next turn.
// Not in: the answers of devices behind I/O ports (there are none), and the debug key that restarts the machine.
//
// A byte of the input says which CPU is at work and what happens there; what it takes follows.
#include "hypervisor/hypercall/dispatcher.hpp"
#include "hypervisor/cpu/instructions.hpp"
#include "hypervisor/event/physical_irq.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/platform/vectors.hpp"
#include "tests/fuzz/dispatcher/checks.hpp"
#include "tests/fuzz/dispatcher/machine.hpp"
#include "tests/fuzz/dispatcher/scenarios.hpp"
#include "tests/fuzz/dispatcher/values.hpp"
#include "tests/fuzz/dispatcher/world.hpp"
#include "tests/fuzz/fuzzed_bytes.hpp"

#include <ringfold/hypercall.h>
#include <ringfold/hypercall_numbers.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using namespace ringfold;
using namespace ringfold::fuzzed;

constexpr unsigned most_steps = 512;
constexpr unsigned calls_between_audits = 32;

// How much time goes by between two looks at the clock: with the longer ones, long work makes way soon.
constexpr std::array<uint64_t, 8> paces{100, 100, 100, 100, 100, 9'000, 20'000, 41'000};
constexpr uint64_t usual_pace = 100;

using Elements = std::vector<ringfold_multicall_element>;

// The elements of a multicall as they stand in the call buffer, the first ones.
Elements elements_of(const Vcpu &caller, const EntryFrame &frame, uint64_t count) {
    constexpr uint64_t most = 4;  // as many as Values writes
    Elements elements(std::min(count, most));
    for (std::size_t index = 0; index < elements.size(); ++index) {
        (void)caller.call_buffer.read_object(frame.rdi + index * sizeof elements[0], elements[index]);
    }
    return elements;
}

// No page of it is at the same time an event page, a ring of the trace, ..., to which the hypervisor writes by itself.
bool has_call_buffer_for_itself(const Vcpu &caller) {
    bool alone = true;
    caller.call_buffer.for_each_frame(
        [&alone](MachineFrame frame) { alone = alone && frame_table::at(frame).state().type_count() == 1; });
    return alone;
}

// Only what leaves the call buffer alone leaves its answer there.
bool leaves_call_buffer_alone(const ringfold_multicall_element &element) {
    const Call *const call = find_call(element.number);
    return call == nullptr || (call->name != "call_buffer_set" &&
                               std::none_of(call->arguments.begin(), call->arguments.end(),
                                            [](const Argument &argument) { return argument.kind == Kind::offset; }));
}

void check_element(const ringfold_multicall_element &element) {
    const Call *const call = find_call(element.number);
    if (call == nullptr || call->alone) {
        require(element.status != 0 && element.value == 0, "what is no part of a multicall is refused");
    } else if (element.status != -RINGFOLD_ERANGE) {
        check_documented(*call, element.status, element.value);
    }
}

void check_elements(const Elements &asked, const Elements &answered) {
    if (std::all_of(asked.begin(), asked.end(), leaves_call_buffer_alone)) {
        std::for_each(answered.begin(), answered.end(), check_element);
    }
}

class Run {
  public:
    explicit Run(FuzzedBytes input) : input_(input) {}

    [[nodiscard]] bool goes_on() const { return input_.left() && steps_ < most_steps; }
    void step();
    void end() { world_.end(); }

  private:
    void call();
    void ask(Values &values, EntryFrame &frame);
    void carry_out(Vcpu &caller, EntryFrame &frame);
    void note_results(const Vcpu &caller, const EntryFrame &asked, const EntryFrame &answered);
    void note_frames(const Vcpu &caller, DomainId owner, uint64_t offset, uint64_t count);
    void interrupt_from_device();

    Machine &machine_ = Machine::the();
    World world_;
    FuzzedBytes input_;
    unsigned steps_ = 0;
    unsigned calls_ = 0;
};

void Run::step() {
    ++steps_;
    const uint32_t what = input_.number(1);
    machine_.select(CpuId{static_cast<uint16_t>(what % cpu_count)});
    switch (what / cpu_count % 16) {
        case 0: {
            constexpr uint64_t microsecond = 1'000;
            const uint64_t root = input_.number(1);
            machine_.pass(root * root * microsecond);
            return;
        }
        case 1:
            interrupt_from_device();
            return;
        default:
            call();
    }
}

void Run::interrupt_from_device() {
    const auto vector = static_cast<uint8_t>(vector_device_first + input_.number(1) % 16);
    machine_.enter();
    (void)deliver_physical_irq(vector);  // or nobody's
    machine_.leave();
}

void Run::call() {
    Vcpu *const caller = machine_.run_guest();
    if (caller == nullptr || world_.find(caller->domain.id.raw()) == nullptr) {
        return;
    }
    Values values{input_, world_, *caller};
    EntryFrame &frame = machine_.registers();
    ask(values, frame);
    processor.ticks_per_read = paces[input_.number(1) % paces.size()];
    machine_.enter();
    carry_out(*caller, frame);
    processor.ticks_per_read = usual_pace;
    machine_.leave();
    if (++calls_ % calls_between_audits == 0) {
        check_accounting();
    }
}

// What the guest does before the call, too.
void Run::ask(Values &values, EntryFrame &frame) {
    const uint32_t number = input_.number(1);
    if (number >= 0xe0) {
        values.write_memory();
    }
    frame.rax = number < 0xf8 ? number % (all_calls().size() + 1) : RINGFOLD_GATE_INVALIDATE_PAGE;
    const Call *const call = find_call(frame.rax);
    if (call == nullptr) {
        return;
    }
    uint64_t count = 1;
    for (std::size_t index = 0; index < call->arguments.size(); ++index) {
        const uint64_t value = values.argument(call->arguments[index]);
        set_argument(frame, index, value);
        count = call->arguments[index].kind == Kind::count ? value : count;
    }
    for (std::size_t index = 0; index < call->arguments.size(); ++index) {
        if (call->arguments[index].kind == Kind::offset) {
            values.write_records(call->arguments[index].record, argument_of(frame, index), count);
        }
    }
}

void Run::carry_out(Vcpu &caller, EntryFrame &frame) {
    const EntryFrame asked = frame;
    const bool is_multicall = asked.rax == RINGFOLD_HYPERCALL_MULTICALL && has_call_buffer_for_itself(caller);
    const Elements elements = is_multicall ? elements_of(caller, asked, asked.rsi) : Elements{};
    const CallCheck check{caller, asked};
    dispatch_hypercall(caller, frame);
    check.check(frame);
    if (is_multicall && frame.rdx <= elements.size()) {
        const auto done = static_cast<std::ptrdiff_t>(frame.rdx);
        check_elements({elements.begin(), elements.begin() + done}, elements_of(caller, asked, frame.rdx));
    }
    note_results(caller, asked, frame);
}

void Run::note_results(const Vcpu &caller, const EntryFrame &asked, const EntryFrame &answered) {
    switch (asked.rax) {
        case RINGFOLD_HYPERCALL_DOMAIN_CREATE:
            if (answered.rax == 0) {
                world_.note_domain(DomainId{static_cast<uint16_t>(answered.rdx)});
            }
            return;
        case RINGFOLD_HYPERCALL_MEMORY_POPULATE:
            note_frames(caller, caller.domain.id, asked.rdi, answered.rdx);
            return;
        case RINGFOLD_HYPERCALL_DOMAIN_POPULATE:
            note_frames(caller, DomainId{static_cast<uint16_t>(asked.rdi)}, asked.rsi, answered.rdx);
            return;
        case RINGFOLD_HYPERCALL_MEMORY_EXCHANGE:
            note_frames(caller, caller.domain.id, asked.rsi, answered.rdx);
            return;
        default:
            return;
    }
}

void Run::note_frames(const Vcpu &caller, DomainId owner, uint64_t offset, uint64_t count) {
    constexpr uint64_t most = 4;
    for (uint64_t index = 0; index < std::min(count, most); ++index) {
        uint64_t frame = 0;
        if (caller.call_buffer.read_object(offset + index * sizeof frame, frame).ok()) {
            world_.note_frame(owner, MachineFrame{frame});
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int * /*count*/, char *** /*arguments*/) {
    try_scenarios();
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    Run run{FuzzedBytes{{data, size}}};
    while (run.goes_on()) {
        run.step();
    }
    run.end();
    return 0;
}
