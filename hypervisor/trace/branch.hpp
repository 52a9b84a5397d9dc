// SPDX-License-Identifier: Apache-2.0
//
// Branches in the text that are not taken until somebody says so, and cost a no-operation until then: each is five
// bytes, either NOP or a JMP. Where they are stands in a table that the linker gathers (hypervisor.ld).
//
//     if (trace::branch<0x9>()) { ... }        taken while any of the classes 0x9 is on
//
// The host's unit tests have a word instead, which is tested.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ringfold::trace {

inline constexpr std::size_t branch_size = 5;
using BranchBytes = std::array<uint8_t, branch_size>;

// A row of the table. Each distance counts from the word that it stands in.
struct BranchSite {
    int32_t site;
    int32_t target;
    uint32_t classes;

    [[nodiscard]] uint64_t address() const { return at(site); }
    [[nodiscard]] uint64_t target_address() const { return at(target); }

  private:
    [[nodiscard]] static uint64_t at(const int32_t &distance) {
        return reinterpret_cast<uint64_t>(&distance) + static_cast<uint64_t>(int64_t{distance});
    }
};
static_assert(sizeof(BranchSite) == 12 && offsetof(BranchSite, target) == 4 && offsetof(BranchSite, classes) == 8);

// What stands at `from` while the branch to `to` is taken, or not (Intel SDM vol. 2: NOP 0F 1F /0; JMP E9 rel32).
[[nodiscard]] BranchBytes encode_branch(uint64_t from, uint64_t to, bool taken);

// The branches of this image.
[[nodiscard]] std::span<const BranchSite> branch_sites();

// Takes the branches of `classes`, and no others, from now on. Every other CPU is stopped, and serialises before it
// goes on: stop_if_asked().
void set_branches(uint32_t classes);

#ifdef RINGFOLD_HOST
extern constinit std::atomic<uint32_t> branches_taken;

template <uint32_t classes>
[[nodiscard]] bool branch() {
    return (branches_taken.load(std::memory_order_relaxed) & classes) != 0;
}
#else
template <uint32_t classes>
[[nodiscard, gnu::always_inline]] inline bool branch() {
    asm goto(R"(1:	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00
	.pushsection .trace_branches, "a", @progbits
	.balign 4
	.long 1b - .
	.long %l[taken] - .
	.long %c0
	.popsection)"
             :
             : "i"(classes)
             :
             : taken);
    return false;
taken:
    return true;
}
#endif

}  // namespace ringfold::trace
