// SPDX-License-Identifier: Apache-2.0
//
// Frames of a domain that the hypervisor itself depends on: a vCPU's root, its page, call buffers, grant tables; and
// those that are lent to other domains.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/borrowed_frames.hpp"
#include "hypervisor/mm/domain_memory.hpp"
#include "hypervisor/mm/entry.hpp"

#include <utility>

namespace ringfold {

// One use of a frame as the type that it was taken as (none: of any), given back when the reference goes. Takes the
// page-table lock of the domain then, so it must not be destroyed under it; what giving back a root leaves to do is
// parked. The domain's DomainMemory outlives it.
class [[nodiscard]] TypeReference {
  public:
    TypeReference() = default;
    TypeReference(TypeReference &&other) noexcept { swap(other); }
    TypeReference &operator=(TypeReference &&other) noexcept {
        TypeReference old{std::move(other)};
        swap(old);
        return *this;
    }
    TypeReference(const TypeReference &) = delete;
    TypeReference &operator=(const TypeReference &) = delete;
    ~TypeReference() { drop(); }

    [[nodiscard]] explicit operator bool() const { return memory_ != nullptr; }
    [[nodiscard]] MachineFrame frame() const { return frame_; }
    [[nodiscard]] FrameType type() const { return type_; }

  private:
    friend Result<TypeReference> take_root(DomainMemory &memory, MachineFrame frame);
    friend Result<TypeReference> hold_readable(DomainMemory &memory, MachineFrame frame);
    friend Result<TypeReference> hold_writable(DomainMemory &memory, MachineFrame frame);
    friend Result<TypeReference> hold(DomainMemory &memory, MachineFrame frame, GrantAccess access);

    TypeReference(DomainMemory &memory, MachineFrame frame, FrameType type)
        : memory_(&memory), frame_(frame), type_(type) {}
    void swap(TypeReference &other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(frame_, other.frame_);
        std::swap(type_, other.type_);
    }
    void drop();

    DomainMemory *memory_ = nullptr;
    MachineFrame frame_{};
    FrameType type_ = FrameType::none;
};

// For a vCPU to run on. bad_frame: not RAM of the domain; access_denied: an entry is refused; busy: in another use, or
// an entry's target is; limit_reached; again: preempted, call again.
Result<TypeReference> take_root(DomainMemory &memory, MachineFrame frame);

// For the hypervisor to read for a moment, whatever its type is or becomes. bad_frame; limit_reached.
Result<TypeReference> hold_readable(DomainMemory &memory, MachineFrame frame);

// For the hypervisor to write to, or the guest through slot 256. bad_frame; busy: it is a page table; limit_reached;
// again.
Result<TypeReference> hold_writable(DomainMemory &memory, MachineFrame frame);

// For another domain, or for the hypervisor on its behalf: whatever is read-only may be a page table. bad_frame: also
// when the domain is being torn down; the others as above.
Result<TypeReference> hold(DomainMemory &memory, MachineFrame frame, GrantAccess access);

// What the guest's PIN and UNPIN do; for the builder of a domain. already_exists: it is pinned; not_found: it is not.
Result<void> pin_table(DomainMemory &memory, MachineFrame frame, Level level);
Result<void> unpin_table(DomainMemory &memory, MachineFrame frame);

}  // namespace ringfold
