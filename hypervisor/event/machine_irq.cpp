// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/machine_irq.hpp"

#include "hypervisor/event/virtual_irq.hpp"
#include "hypervisor/lib/locked.hpp"

#include <algorithm>
#include <array>

namespace ringfold {

namespace {

// A domain stays here until it goes, whether it has such an interrupt bound at the moment or not.
using Listeners = std::array<EventDomain *, 32>;
constinit Locked<Listeners, LockRank::event_listeners> listeners;

}  // namespace

Result<void> begin_listening(EventDomain &domain) {
    auto list = listeners.lock();
    if (std::find(list->begin(), list->end(), &domain) != list->end()) {
        return {};
    }
    const auto place = std::find(list->begin(), list->end(), nullptr);
    if (place == list->end()) {
        return Error::limit_reached;
    }
    *place = &domain;
    return {};
}

void stop_listening(EventDomain &domain) {
    auto list = listeners.lock();
    std::replace(list->begin(), list->end(), &domain, static_cast<EventDomain *>(nullptr));
}

void raise_machine_irq(VirtualIrq irq) {
    auto list = listeners.lock();
    for (EventDomain *const domain : *list) {
        if (domain != nullptr) {
            raise_virtual_irq(*domain, irq);
        }
    }
}

}  // namespace ringfold
