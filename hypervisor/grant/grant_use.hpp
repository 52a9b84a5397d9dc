// SPDX-License-Identifier: Apache-2.0
//
// One use of a grant entry: steps 1 to 4 of the protocol when it begins, 6 and 7 when it is destroyed. In between the
// frame is held, and its granter is kept. To be destroyed without any lock.
#pragma once

#include "hypervisor/grant/grant_reference.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/held_frames.hpp"

namespace ringfold {

class [[nodiscard]] GrantUse {
  public:
    // out_of_range: the granter has no such entry; not_found, not_permitted, access_denied: it does not permit this;
    // bad_frame: it names no RAM of the granter's; busy: it names a page table, or changes all the time;
    // limit_reached; again.
    static Result<GrantUse> begin(GrantReference granter, GrantRef reference, DomainId user, GrantAccess access);

    GrantUse() = default;
    GrantUse(GrantUse &&other) noexcept = default;
    GrantUse &operator=(GrantUse &&other) = delete;
    GrantUse(const GrantUse &) = delete;
    GrantUse &operator=(const GrantUse &) = delete;
    ~GrantUse() { end(); }

    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(granter_); }
    [[nodiscard]] MachineFrame frame() const { return hold_.frame(); }
    [[nodiscard]] FrameType type() const { return hold_.type(); }
    [[nodiscard]] GrantAccess access() const { return access_; }
    [[nodiscard]] const GrantReference &granter() const { return granter_; }

  private:
    GrantUse(GrantReference granter, GrantRef reference, GrantAccess access, TypeReference hold)
        : granter_(std::move(granter)), reference_(reference), access_(access), hold_(std::move(hold)) {}
    void end();

    GrantReference granter_;
    GrantRef reference_;
    GrantAccess access_ = GrantAccess::read_only;
    TypeReference hold_;
};

}  // namespace ringfold
