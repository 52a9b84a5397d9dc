// SPDX-License-Identifier: Apache-2.0
//
// The input as what guests ask with: arguments near values that mean something, or any; and what they write to memory
// before. A byte says which, more bytes what is left to say.
#pragma once

#include "hypervisor/domain/domain.hpp"
#include "tests/fuzz/dispatcher/grammar.hpp"
#include "tests/fuzz/dispatcher/world.hpp"
#include "tests/fuzz/fuzzed_bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ringfold::fuzzed {

class Values {
  public:
    Values(FuzzedBytes &input, const World &world, const Vcpu &caller);

    uint64_t argument(const Argument &argument);
    // What the caller writes to its call buffer: `count` records from `offset` on.
    void write_records(std::string_view record, uint64_t offset, uint64_t count);
    // What it writes elsewhere in its memory.
    void write_memory();

  private:
    using Bytes = std::vector<std::byte>;

    uint64_t byte() { return input_.number(1); }
    uint64_t raw();
    uint64_t boundary(unsigned bits);
    uint64_t of_kind(Kind kind, uint64_t form);

    uint64_t offset(uint64_t form);
    uint64_t frame(uint64_t form);
    uint64_t frame_of(const Player &player, unsigned first, unsigned count);
    uint64_t domain(uint64_t form);
    uint64_t count(uint64_t form);
    uint64_t port(uint64_t form);
    uint64_t time(uint64_t form);
    uint64_t address();
    uint64_t descriptor();
    uint64_t entry();
    uint64_t entry_address();

    // One record of each type that a guest writes; empty for those that only the hypervisor does.
    Bytes record(std::string_view name);
    Bytes page_table_operation();
    Bytes multicall_element();
    Bytes vcpu_entries();
    Bytes vcpu_context();
    Bytes vcpu_registers();
    Bytes domain_configuration();
    Bytes domain_copy_element();
    Bytes grant_map_element();
    Bytes grant_unmap_element();
    Bytes grant_copy_element();
    Bytes grant_transfer_element();
    Bytes domain_schedule();
    Bytes vcpu_schedule();
    Bytes word();
    Bytes half_word();
    Bytes any_bytes();
    Bytes grant_entry();

    void write_own(MachineFrame frame, uint64_t offset, std::span<const std::byte> bytes) const;

    FuzzedBytes &input_;
    const World &world_;
    const Vcpu &caller_;
    const Player &self_;
};

}  // namespace ringfold::fuzzed
