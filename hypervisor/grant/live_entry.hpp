// SPDX-License-Identifier: Apache-2.0
//
// A grant entry in the granter's memory, which it may change at any moment. The protocol, with its steps, stands in
// abi/include/ringfold/grant.h.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/borrowed_frames.hpp"

#include <ringfold/grant.h>

#include <atomic>
#include <cstdint>

namespace ringfold {

// `control` of an entry as a value.
class GrantControl {
  public:
    constexpr explicit GrantControl(uint32_t word) : word_(word) {}
    [[nodiscard]] constexpr uint32_t raw() const { return word_; }
    [[nodiscard]] constexpr uint32_t kind() const { return word_ & RINGFOLD_GRANT_KIND_MASK; }
    [[nodiscard]] constexpr DomainId domain() const {
        return DomainId{static_cast<uint16_t>(word_ >> RINGFOLD_GRANT_DOMAIN_SHIFT)};
    }
    [[nodiscard]] constexpr bool has(uint32_t flags) const { return (word_ & flags) != 0; }
    [[nodiscard]] constexpr GrantControl with(uint32_t flags) const { return GrantControl{word_ | flags}; }

    // not_found: it grants nothing; not_permitted: not to `user`; access_denied: not for writing.
    [[nodiscard]] Result<void> permits(DomainId user, GrantAccess access) const;
    // not_found: it accepts nothing, or did so already; not_permitted: not from `giver`.
    [[nodiscard]] Result<void> accepts(DomainId giver) const;

  private:
    uint32_t word_;
};

class LiveGrantEntry {
  public:
    explicit LiveGrantEntry(ringfold_grant_entry &entry) : control_(entry.control), frame_(entry.frame) {}

    // Steps 1 and 2 of a use. busy: the granter keeps changing it.
    Result<void> claim(DomainId user, GrantAccess access);
    // Step 3. Also what an accepting entry says.
    [[nodiscard]] uint64_t frame() const { return frame_.load(std::memory_order_acquire); }
    // Step 7; `flags` are in-use bits.
    void clear(uint32_t flags) { control_.fetch_and(~flags, std::memory_order_acq_rel); }

    // A transfer begins; busy as above.
    Result<void> begin_transfer(DomainId giver);
    // It is done (the frame first, then the flag), or will not be.
    void end_transfer(MachineFrame frame);
    void abandon_transfer() { clear(RINGFOLD_GRANT_TRANSFERRING); }

  private:
    template <typename Check>
    Result<void> set(uint32_t flags, Check &&check);

    std::atomic_ref<uint32_t> control_;
    std::atomic_ref<uint64_t> frame_;
};

}  // namespace ringfold
