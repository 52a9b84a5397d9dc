// SPDX-License-Identifier: Apache-2.0
//
// What must hold, whatever guests do.
#pragma once

#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/gate/entry_frame.hpp"
#include "tests/fuzz/dispatcher/grammar.hpp"

#include <cstddef>
#include <cstdint>

namespace ringfold::fuzzed {

// Before and after one hypercall.
class CallCheck {
  public:
    CallCheck(const Vcpu &caller, const EntryFrame &asked);
    void check(const EntryFrame &answered) const;

  private:
    [[nodiscard]] bool lacks_right() const;
    [[nodiscard]] bool fits() const;
    void check_answer(int64_t status, uint64_t second) const;
    void check_progress(int64_t status, uint64_t done) const;

    const Vcpu &caller_;
    const EntryFrame asked_;
    const Call *const call_;  // null: there is none of that number
};

// What the table says of a call's answer alone, as far as it depends on nothing else.
void check_documented(const Call &call, int64_t status, uint64_t second);

// The argument registers in their order.
[[nodiscard]] uint64_t argument_of(const EntryFrame &frame, std::size_t index);
void set_argument(EntryFrame &frame, std::size_t index, uint64_t value);

// Every frame's references and types, the free frames, ports, grants.
void check_accounting();

}  // namespace ringfold::fuzzed
