// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/grant/copy.hpp"

#include "hypervisor/grant/grant_use.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/mm/machine_memory.hpp"

#include <cstddef>
#include <utility>

namespace ringfold {

namespace {

// A page that is held for the copy: the caller's own, or granted to it.
class CopyPage {
  public:
    explicit CopyPage(TypeReference own) : own_(std::move(own)) {}
    explicit CopyPage(GrantUse granted) : granted_(std::move(granted)) {}

    [[nodiscard]] MachineFrame frame() const { return granted_ ? granted_.frame() : own_.frame(); }

  private:
    TypeReference own_;
    GrantUse granted_;
};

Result<CopyPage> hold_page(GrantDomain &caller, const ringfold_grant_copy_end &end, GrantAccess access,
                           FindGrantDomain find) {
    if (end.flags == 0) {
        return CopyPage{TRY(hold(caller.memory, MachineFrame{end.page}, access))};
    }
    GrantReference granter = find(DomainId{end.domain});
    if (!granter) {
        return Error::not_found;
    }
    const GrantRef reference{static_cast<uint32_t>(end.page)};
    return CopyPage{TRY(GrantUse::begin(std::move(granter), reference, caller.id(), access))};
}

Result<void> check_end(const ringfold_grant_copy_end &end, uint32_t length) {
    if ((end.flags & ~RINGFOLD_GRANT_COPY_GRANTED) != 0 || (end.flags == 0 && end.domain != 0)) {
        return Error::invalid_argument;
    }
    const bool is_reference = end.flags != 0;
    if (length > page_size || end.offset > page_size - length || (is_reference && end.page > UINT32_MAX)) {
        return Error::out_of_range;
    }
    return {};
}

}  // namespace

Result<void> copy_grant(GrantDomain &caller, const ringfold_grant_copy_element &segment, FindGrantDomain find) {
    TRY(check_end(segment.source, segment.length));
    TRY(check_end(segment.destination, segment.length));
    const CopyPage source = TRY(hold_page(caller, segment.source, GrantAccess::read_only, find));
    const CopyPage destination = TRY(hold_page(caller, segment.destination, GrantAccess::writable, find));
    __builtin_memmove(pointer_to<std::byte>(destination.frame()) + segment.destination.offset,
                      pointer_to<std::byte>(source.frame()) + segment.source.offset, segment.length);
    return {};
}

}  // namespace ringfold
