// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/grant_model.hpp"

namespace ringfold::test {

GrantModel::Uses GrantModel::uses_of(uint64_t frame) const {
    Uses uses;
    const auto add = [&uses](bool writable) {
        ++uses.all;
        uses.writable += writable ? 1 : 0;
    };
    for (const Domain &domain : domains) {
        for (const Slot &slot : domain.mapped) {
            if (slot.frame == frame) {
                add(slot.writable);
            }
        }
        for (const auto &[handle, right] : domain.rights) {
            if (right.frame == frame) {
                add(right.writable);
            }
        }
    }
    return uses;
}

GrantModel::Uses GrantModel::uses_of_entry(const Domain &granter, unsigned reference) const {
    Uses uses;
    for (const Domain &domain : domains) {
        for (const auto &[handle, right] : domain.rights) {
            if (right.granter == granter.number && right.reference == reference) {
                ++uses.all;
                uses.writable += right.writable ? 1 : 0;
            }
        }
    }
    return uses;
}

uint64_t GrantModel::owned(const Domain &domain) const {
    uint64_t count = 0;
    for (const auto &[number, frame] : frames) {
        count += frame.owner == domain.number ? 1 : 0;
    }
    return count;
}

bool GrantModel::owns(const Domain &domain, uint64_t frame) const {
    const auto found = frames.find(frame);
    return found != frames.end() && found->second.owner == domain.number;
}

GrantModel::Refusal GrantModel::use(const Domain &granter, unsigned reference, const Domain &user,
                                    bool writable) const {
    const Entry &entry = granter.entries[reference];
    if ((entry.control & 3) != RINGFOLD_GRANT_PERMIT) {
        return Error::not_found;
    }
    if (entry.control >> 16 != user.number) {
        return Error::not_permitted;
    }
    if (writable && (entry.control & RINGFOLD_GRANT_READ_ONLY) != 0) {
        return Error::access_denied;
    }
    return own_end(granter, entry.frame, writable);
}

GrantModel::Refusal GrantModel::own_end(const Domain &domain, uint64_t frame, bool writable) const {
    if (!owns(domain, frame)) {
        return Error::bad_frame;
    }
    return writable && frames.at(frame).pinned ? Refusal{Error::busy} : std::nullopt;
}

GrantModel::Refusal GrantModel::set_slot(const Domain &domain, const Slot &wanted) const {
    if (wanted.frame == 0) {
        return std::nullopt;
    }
    if (owns(domain, wanted.frame)) {
        return own_end(domain, wanted.frame, wanted.writable);
    }
    for (const auto &[handle, right] : domain.rights) {
        if (right.frame == wanted.frame && (right.writable || !wanted.writable)) {
            return std::nullopt;
        }
    }
    return Error::access_denied;
}

GrantModel::Refusal GrantModel::unmap(const Domain &domain, uint32_t handle) const {
    const auto given_up = domain.rights.find(handle);
    if (given_up == domain.rights.end()) {
        return Error::not_found;
    }
    // With one right less, could each of the domain's entries still be made?
    Domain without = domain;
    without.rights.erase(handle);
    for (const Slot &slot : domain.mapped) {
        if (slot.frame == given_up->second.frame && set_slot(without, slot).has_value()) {
            return Error::busy;
        }
    }
    return std::nullopt;
}

GrantModel::Refusal GrantModel::pin(const Domain &domain, uint64_t frame) const {
    if (!owns(domain, frame)) {
        return Error::bad_frame;
    }
    if (frames.at(frame).pinned) {
        return Error::already_exists;
    }
    return uses_of(frame).writable != 0 ? Refusal{Error::busy} : std::nullopt;
}

GrantModel::Refusal GrantModel::begin_transfer(const Domain &receiver, unsigned reference, const Domain &giver) const {
    const uint32_t control = receiver.entries[reference].control;
    if ((control & 3) != RINGFOLD_GRANT_ACCEPT ||
        (control & (RINGFOLD_GRANT_TRANSFERRING | RINGFOLD_GRANT_TRANSFERRED)) != 0) {
        return Error::not_found;
    }
    return control >> 16 != giver.number ? Refusal{Error::not_permitted} : std::nullopt;
}

GrantModel::Refusal GrantModel::move(const Domain &receiver, const Domain &giver, uint64_t frame) const {
    if (owned(receiver) == maximum) {
        return Error::out_of_memory;
    }
    if (!owns(giver, frame)) {
        return Error::bad_frame;
    }
    return uses_of(frame).all != 0 || frames.at(frame).pinned ? Refusal{Error::busy} : std::nullopt;
}

void GrantModel::claim(Domain &granter, unsigned reference, bool writable) {
    granter.entries[reference].control |= RINGFOLD_GRANT_READING | (writable ? RINGFOLD_GRANT_WRITING : 0);
}

void GrantModel::unclaim(Domain &granter, unsigned reference, bool writable) {
    const Uses left = uses_of_entry(granter, reference);
    uint32_t &control = granter.entries[reference].control;
    if (writable && left.writable == 0) {
        control &= ~RINGFOLD_GRANT_WRITING;
    }
    if (left.all == 0) {
        control &= ~RINGFOLD_GRANT_READING;
    }
}

bool GrantModel::is_alive(uint16_t number) const {
    for (const Domain &domain : domains) {
        if (domain.alive && domain.number == number) {
            return true;
        }
    }
    return false;
}

void GrantModel::forget_if_unused(uint64_t frame) {
    Frame &forgotten = frames.at(frame);
    if (!is_alive(forgotten.owner) && uses_of(frame).all == 0) {
        forgotten = Frame{.owner = 0, .pinned = false, .bytes = std::vector<uint8_t>(forgotten.bytes.size())};
    }
}

void GrantModel::drop_right(Domain &domain, uint32_t handle) {
    const Right right = domain.rights.at(handle);
    domain.rights.erase(handle);
    Domain &granter = domains[right.place];
    if (granter.alive && granter.number == right.granter) {
        unclaim(granter, right.reference, right.writable);
    }
    forget_if_unused(right.frame);
}

void GrantModel::end(Domain &domain) {
    domain.alive = false;
    domain.mapped = {};
    while (!domain.rights.empty()) {
        drop_right(domain, domain.rights.begin()->first);
    }
    for (auto &[number, frame] : frames) {
        if (frame.owner == domain.number) {
            frame.pinned = false;
            forget_if_unused(number);
        }
    }
}

}  // namespace ringfold::test
