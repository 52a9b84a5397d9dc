// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/frame_table.hpp"

#include "hypervisor/mm/extent.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/platform/bounded_list.hpp"

#include <algorithm>

namespace ringfold {

namespace {

constinit std::atomic<uint64_t> next_generation = 1;

constinit std::span<Extent> extent_infos;

// Local and IO-APICs. Written at boot only.
constexpr std::size_t most_kept_devices = 64;
constinit BoundedList<MachineFrame, most_kept_devices> kept_devices;

}  // namespace

namespace {

[[nodiscard]] Result<FrameState> one_more_reference(FrameState state) {
    if (state.references() == 0) {
        return Error::bad_frame;
    }
    if (state.references() == FrameState::reference_limit) {
        return Error::limit_reached;
    }
    return state.add_reference();
}

[[nodiscard]] Result<FrameState> one_more_writable(FrameState state) {
    if (state.type() != FrameType::none && state.type() != FrameType::writable) {
        return Error::busy;
    }
    if (state.type_count() == FrameState::type_limit) {
        return Error::limit_reached;
    }
    return state.add_writable();
}

}  // namespace

bool FrameInfo::owned_by(DomainId owner) const { return this->owner() == owner && state().references() != 0; }

void FrameInfo::declare(DomainId owner) {
    invariant(state() == FrameState{}, "a frame is declared before it is used");
    owner_.store(owner.raw(), std::memory_order_relaxed);
}

Result<void> FrameInfo::assign(DomainId owner) {
    if (this->owner() != no_domain || state().references() != 0) {
        return Error::already_exists;
    }
    leaf_stamp.clear();
    set_table_stamp(FlushMoment{});
    owner_.store(owner.raw(), std::memory_order_relaxed);
    // The release makes the owner visible to whoever sees the reference.
    state_.store(FrameState{}.add_reference().raw(), std::memory_order_release);
    return {};
}

Result<void> FrameInfo::unassign(DomainId owner) {
    if (!owned_by(owner)) {
        return Error::bad_frame;
    }
    TRY(change([](FrameState old) -> Result<FrameState> {
        if (old != FrameState{}.add_reference()) {
            return Error::busy;
        }
        return FrameState{};
    }));
    owner_.store(no_domain.raw(), std::memory_order_release);
    return {};
}

template <typename Next, typename Undo>
Result<void> FrameInfo::take_as(DomainId owner, Next &&next, Undo &&undo) {
    if (this->owner() != owner) {
        return Error::bad_frame;
    }
    TRY(change(next));
    if (this->owner() != owner) {  // it changed hands in between
        undo();
        return Error::bad_frame;
    }
    return {};
}

Result<void> FrameInfo::take(DomainId owner) {
    return take_as(owner, one_more_reference, [this] { drop(); });
}

Result<void> FrameInfo::take_writable(DomainId owner) {
    const auto next = [](FrameState old) -> Result<FrameState> {
        return one_more_writable(TRY(one_more_reference(old)));
    };
    return take_as(owner, next, [this] { drop_writable(); });
}

Result<void> FrameInfo::make_writable() { return change(one_more_writable); }

Result<void> FrameInfo::begin_table(FrameType level) {
    TRY(change([level](FrameState old) -> Result<FrameState> {
        if (old.type() != FrameType::none) {
            return Error::busy;
        }
        return old.with_type(level).with_partial(true);
    }));
    progress_ = 0;
    return {};
}

Result<void> FrameInfo::take_table(FrameType level) {
    return change([level](FrameState old) -> Result<FrameState> {
        if (old.type() != level || !old.validated()) {
            return Error::busy;
        }
        if (old.type_count() == FrameState::type_limit || old.references() == FrameState::reference_limit) {
            return Error::limit_reached;
        }
        return old.add_reference().add_type();
    });
}

Result<void> FrameInfo::finish_validation() {
    invariant(progress_ == table_entries, "every entry of a validated table is referenced");
    return change([](FrameState old) -> Result<FrameState> {
        invariant(old.is_table() && old.partial(), "only a partial table is finished");
        if (old.references() == FrameState::reference_limit) {
            return Error::limit_reached;
        }
        return old.with_partial(false).with_validated(true).add_reference().add_type();
    });
}

bool FrameInfo::drop_table_unless_last() {
    return change([](FrameState old) -> Result<FrameState> {
               invariant(old.is_table() && old.type_count() > 0, "a use as a table is left to drop");
               if (old.type_count() == 1) {
                   return Error::again;
               }
               return old.drop_type().drop_reference();
           })
        .ok();
}

void FrameInfo::begin_undo() {
    const auto changed = change([](FrameState old) -> Result<FrameState> {
        invariant(old.validated() && old.type_count() == 1, "a table is undone by its last user");
        invariant(!old.pinned(), "a pin is a use");
        return old.with_validated(false).with_partial(true);
    });
    static_cast<void>(changed.ok());
    progress_ = table_entries;
}

void FrameInfo::finish_undo() {
    invariant(progress_ == 0, "no entry of an undone table is referenced");
    const auto changed = change([](FrameState old) -> Result<FrameState> {
        invariant(old.is_table() && old.partial() && old.type_count() <= 1, "only a partial table is undone");
        const FrameState kept = old.with_partial(false).with_type(FrameType::none);
        return old.type_count() == 0 ? kept : kept.drop_type().drop_reference();
    });
    static_cast<void>(changed.ok());
}

void FrameInfo::set_pinned(bool pinned) {
    const auto changed = change([pinned](FrameState old) -> Result<FrameState> { return old.with_pinned(pinned); });
    static_cast<void>(changed.ok());
}

FlushMoment FrameInfo::table_stamp() const {
    const FrameState now = state();
    invariant(!(now.type() == FrameType::l4 && now.validated()), "a live root has a generation, not a stamp");
    return FlushMoment{table_moment_.load(std::memory_order_seq_cst)};
}

void FrameInfo::advance_generation() {
    table_moment_.store(next_generation.fetch_add(1, std::memory_order_seq_cst), std::memory_order_seq_cst);
}

namespace frame_table {

void initialise(std::span<FrameInfo> frames, std::span<Extent> extents) {
    invariant(extents.size() * frames_per_extent >= frames.size(), "every frame lies in an extent");
    detail::frames = frames;
    extent_infos = extents;
    declare(MachineFrame{0}, FrameCount{frames.size()}, hypervisor_domain);
}

void declare(MachineFrame first, FrameCount count, DomainId owner) {
    for (MachineFrame frame = first; frame < first + count && frame < end(); ++frame) {
        at(frame).declare(owner);
    }
}

Result<void> keep_device(MachineFrame frame) {
    return kept_devices.append(frame) ? Result<void>{} : Result<void>{Error::limit_reached};
}

bool is_kept_device(MachineFrame frame) {
    return std::find(kept_devices.begin(), kept_devices.end(), frame) != kept_devices.end();
}

FrameInfo &at(MachineFrame frame) {
    FrameInfo *info = find(frame);
    invariant(info != nullptr, "the frame lies in the frame table");
    return *info;
}

Extent &extent_of(MachineFrame frame) {
    invariant(frame < end(), "the frame lies in the frame table");
    return extent_infos[frame.raw() / frames_per_extent];
}

FrameInfo *find_ram(MachineFrame frame) {
    FrameInfo *const info = find(frame);
    return info != nullptr && info->owner() != device_domain ? info : nullptr;
}

bool is_ram(MachineFrame frame) { return find_ram(frame) != nullptr; }

}  // namespace frame_table
}  // namespace ringfold
