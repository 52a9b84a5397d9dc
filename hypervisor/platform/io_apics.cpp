// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/io_apics.hpp"

#include "hypervisor/cpu/hypervisor_space.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/platform/io_apic.hpp"
#include "hypervisor/platform/local_apic.hpp"
#include "hypervisor/platform/vectors.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace ringfold {
namespace {

class IoApics {
  public:
    Result<void> add(const IoApicEntry &entry) {
        constexpr uint64_t window_size = 0x20;
        if (count_ == io_apics_.size()) {
            return Error::limit_reached;
        }
        void *base = TRY(map_device(entry.address, window_size));
        io_apics_[count_] = IoApic{MappedIoApicWindow{base}, entry.first_gsi};
        log_debug("IO-APIC {}: interrupts {} to {}", entry.id, entry.first_gsi,
                  entry.first_gsi + io_apics_[count_].pins() - 1);
        ++count_;
        return {};
    }
    // For the NMI sources of the MADT, which stay as they are from then on.
    Result<void> route_nmi(const NmiSource &source) {
        const RedirectionEntry entry{.destination = static_cast<uint8_t>(local_apic_id()),
                                     .mode = DeliveryMode::nmi,
                                     .wiring = source.wiring,
                                     .masked = false};
        TRY(route(source.gsi, entry));
        if (!nmi_sources_.append(source.gsi)) {
            return Error::limit_reached;
        }
        return {};
    }
    // access_denied: an NMI source; already_exists: claimed.
    [[nodiscard]] Result<void> check_free(uint32_t gsi) const {
        if (std::find(nmi_sources_.begin(), nmi_sources_.end(), gsi) != nmi_sources_.end()) {
            return Error::access_denied;
        }
        if (std::find(claimed_.begin(), claimed_.end(), gsi) != claimed_.end()) {
            return Error::already_exists;
        }
        return {};
    }
    Result<void> claim(uint32_t gsi, const RedirectionEntry &entry) {
        TRY(route(gsi, entry));
        return claimed_.append(gsi) ? Result<void>{} : Result<void>{Error::limit_reached};
    }
    Result<void> route(uint32_t gsi, const RedirectionEntry &entry) {
        IoApic<MappedIoApicWindow> *io_apic = owner_of(gsi);
        return io_apic != nullptr ? io_apic->route(gsi, entry) : Error::not_found;
    }
    Result<void> set_masked(uint32_t gsi, bool masked) {
        IoApic<MappedIoApicWindow> *io_apic = owner_of(gsi);
        return io_apic != nullptr ? io_apic->set_masked(gsi, masked) : Error::not_found;
    }

  private:
    IoApic<MappedIoApicWindow> *owner_of(uint32_t gsi) {
        for (auto &io_apic : std::span(io_apics_).first(count_)) {
            if (io_apic.owns(gsi)) {
                return &io_apic;
            }
        }
        return nullptr;
    }

    std::array<IoApic<MappedIoApicWindow>, madt_most_io_apics> io_apics_{};
    std::size_t count_ = 0;
    BoundedList<uint32_t, 16> nmi_sources_;
    BoundedList<uint32_t, 4> claimed_;
};

constinit Locked<IoApics, LockRank::interrupt_lines> all{};

}  // namespace

Result<void> initialise_io_apics(const Madt &madt) {
    auto io_apics = all.lock();
    for (const IoApicEntry &entry : madt.io_apics) {
        TRY(io_apics->add(entry));
    }
    for (const NmiSource &source : madt.nmi_sources) {
        if (!io_apics->route_nmi(source).ok()) {
            log_warning("IO-APIC: no pin for the NMI source at interrupt {}", source.gsi);
        }
    }
    return {};
}

Result<void> route_interrupt(uint32_t gsi, InterruptWiring wiring, uint8_t vector, uint8_t apic_id) {
    if (!is_device_vector(vector)) {
        return Error::invalid_argument;
    }
    auto io_apics = all.lock();
    TRY(io_apics->check_free(gsi));
    return io_apics->route(gsi, {.vector = vector, .destination = apic_id, .wiring = wiring, .masked = true});
}

Result<void> claim_interrupt(uint32_t gsi, InterruptWiring wiring, uint8_t vector, uint8_t apic_id) {
    auto io_apics = all.lock();
    TRY(io_apics->check_free(gsi));
    return io_apics->claim(gsi, {.vector = vector, .destination = apic_id, .wiring = wiring, .masked = false});
}

Result<void> set_interrupt_masked(uint32_t gsi, bool masked) { return all.lock()->set_masked(gsi, masked); }

}  // namespace ringfold
