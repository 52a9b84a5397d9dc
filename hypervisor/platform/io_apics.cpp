// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/io_apics.hpp"

#include "hypervisor/cpu/hypervisor_space.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/platform/io_apic.hpp"
#include "hypervisor/platform/local_apic.hpp"
#include "hypervisor/platform/vectors.hpp"

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
};

constinit Locked<IoApics, LockRank::interrupt_lines> all{};

}  // namespace

Result<void> initialise_io_apics(const Madt &madt) {
    auto io_apics = all.lock();
    for (const IoApicEntry &entry : madt.io_apics) {
        TRY(io_apics->add(entry));
    }
    for (const NmiSource &source : madt.nmi_sources) {
        const RedirectionEntry entry{.destination = static_cast<uint8_t>(local_apic_id()),
                                     .mode = DeliveryMode::nmi,
                                     .wiring = source.wiring,
                                     .masked = false};
        if (!io_apics->route(source.gsi, entry).ok()) {
            log_warning("IO-APIC: no pin for the NMI source at interrupt {}", source.gsi);
        }
    }
    return {};
}

Result<void> route_interrupt(uint32_t gsi, InterruptWiring wiring, uint8_t vector, uint8_t apic_id) {
    if (!is_device_vector(vector)) {
        return Error::invalid_argument;
    }
    return all.lock()->route(gsi, {.vector = vector, .destination = apic_id, .wiring = wiring, .masked = true});
}

Result<void> set_interrupt_masked(uint32_t gsi, bool masked) { return all.lock()->set_masked(gsi, masked); }

}  // namespace ringfold
