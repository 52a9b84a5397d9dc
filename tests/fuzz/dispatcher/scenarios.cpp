// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/dispatcher/scenarios.hpp"

#include "hypervisor/cpu/instructions.hpp"
#include "hypervisor/hypercall/dispatcher.hpp"
#include "tests/fuzz/dispatcher/checks.hpp"
#include "tests/fuzz/dispatcher/machine.hpp"
#include "tests/fuzz/dispatcher/world.hpp"

#include <ringfold/domain.h>
#include <ringfold/hypercall_numbers.h>

#include <initializer_list>

namespace ringfold::fuzzed {

namespace {

// A player that runs, on whichever CPU it does.
class Guest {
  public:
    Guest(const World &world, unsigned player) {
        for (uint16_t number = 0; number < cpu_count; ++number) {
            machine_.select(CpuId{number});
            caller_ = machine_.run_guest();
            if (caller_ != nullptr && caller_->domain.id == world.players()[player].id) {
                return;
            }
        }
        found("the guest does not run");
    }

    template <typename T>
    void write(const T &object) {
        require(caller_->call_buffer.write_object(0, object).ok(), "the guest has a call buffer");
    }

    // The status; what RDX is comes to second().
    int64_t call(uint64_t number, std::initializer_list<uint64_t> arguments) {
        EntryFrame &frame = machine_.registers();
        frame.rax = number;
        std::size_t index = 0;
        for (const uint64_t argument : arguments) {
            set_argument(frame, index++, argument);
        }
        machine_.enter();
        dispatch_hypercall(*caller_, frame);
        second_ = frame.rdx;
        const auto status = static_cast<int64_t>(frame.rax);
        machine_.leave();
        return status;
    }
    [[nodiscard]] uint64_t second() const { return second_; }

  private:
    Machine &machine_ = Machine::the();
    Vcpu *caller_ = nullptr;
    uint64_t second_ = 0;
};

constexpr unsigned controller = 1;

uint64_t create_domain_with(Guest &creator, uint64_t rights) {
    ringfold_domain_configuration configuration{.name = "made"};
    configuration.maximum_frames = 2 * frames_per_extent;
    configuration.vcpu_count = 1;
    configuration.rights = rights;
    creator.write(configuration);
    require(creator.call(RINGFOLD_HYPERCALL_DOMAIN_CREATE, {0}) == 0, "the domain is created");
    return creator.second();
}

// A domain that never began to run controls nobody: all go when the others that could have ended.
void a_controller_that_never_ran_keeps_nobody() {
    World world;
    Guest creator{world, controller};
    create_domain_with(creator, RINGFOLD_RIGHT_CONTROL);
    world.end();
}

// Who destroys a domain ends before it is done: others do what is left.
void what_was_half_destroyed_is_destroyed() {
    World world;
    Guest destroyer{world, controller};
    const uint64_t domain = create_domain_with(destroyer, 0);
    constexpr uint64_t extent_order = 9;
    require(destroyer.call(RINGFOLD_HYPERCALL_DOMAIN_POPULATE, {domain, 0, 1, extent_order}) == 0,
            "the domain has memory");
    processor.ticks_per_read = 100'000;
    require(destroyer.call(RINGFOLD_HYPERCALL_DOMAIN_DESTROY, {domain}) == -RINGFOLD_EAGAIN,
            "destroying makes way for other things");
    world.end();
}

}  // namespace

void try_scenarios() {
    a_controller_that_never_ran_keeps_nobody();
    what_was_half_destroyed_is_destroyed();
}

}  // namespace ringfold::fuzzed
