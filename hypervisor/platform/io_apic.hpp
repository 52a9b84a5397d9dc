// SPDX-License-Identifier: Apache-2.0
//
// One IO-APIC (82093AA data sheet): an index and a data register, behind which stand a version and one redirection
// entry a pin. `Window` is how the two registers are reached, so that the logic runs against a model in unit tests.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/platform/redirection_entry.hpp"

#include <concepts>
#include <cstdint>

namespace ringfold {

template <typename T>
concept IoApicWindow = requires(T window, uint8_t index, uint32_t value) {
    { window.read(index) } -> std::same_as<uint32_t>;
    {window.write(index, value)};
};

// The registers in memory: mapped uncached.
class MappedIoApicWindow {
  public:
    constexpr MappedIoApicWindow() = default;
    explicit MappedIoApicWindow(void *base) : base_(static_cast<volatile uint32_t *>(base)) {}
    [[nodiscard]] uint32_t read(uint8_t index) {
        base_[select_word] = index;
        return base_[data_word];
    }
    void write(uint8_t index, uint32_t value) {
        base_[select_word] = index;
        base_[data_word] = value;
    }

  private:
    static constexpr unsigned select_word = 0x00 / 4;
    static constexpr unsigned data_word = 0x10 / 4;
    volatile uint32_t *base_ = nullptr;
};

template <IoApicWindow Window>
class IoApic {
  public:
    constexpr IoApic() = default;
    // Masks every pin: firmware may have left some open.
    IoApic(Window window, uint32_t first_gsi) : window_(window), first_gsi_(first_gsi) {
        pins_ = (window_.read(version_index) >> 16 & 0xff) + 1;
        for (uint32_t pin = 0; pin < pins_; ++pin) {
            // Edge-triggered and masked: this also clears a pending acknowledgement (remote IRR) of a level-triggered
            // interrupt that firmware never finished.
            write_entry(pin, RedirectionEntry{});
        }
    }

    [[nodiscard]] uint32_t first_gsi() const { return first_gsi_; }
    [[nodiscard]] uint32_t pins() const { return pins_; }
    [[nodiscard]] bool owns(uint32_t gsi) const { return gsi - first_gsi_ < pins_; }

    // For pins of this IO-APIC only.
    Result<void> route(uint32_t gsi, const RedirectionEntry &entry) {
        if (!owns(gsi)) {
            return Error::not_found;
        }
        write_entry(gsi - first_gsi_, entry);
        return {};
    }
    Result<void> set_masked(uint32_t gsi, bool masked) {
        if (!owns(gsi)) {
            return Error::not_found;
        }
        const uint8_t index = low_index(gsi - first_gsi_);
        const uint32_t open = window_.read(index) & ~RedirectionEntry::mask_bit;
        window_.write(index, masked ? open | RedirectionEntry::mask_bit : open);
        return {};
    }

  private:
    static constexpr uint8_t version_index = 1;
    static constexpr uint8_t first_entry_index = 0x10;

    static constexpr uint8_t low_index(uint32_t pin) { return static_cast<uint8_t>(first_entry_index + 2 * pin); }

    // The pin stays masked while its two halves disagree.
    void write_entry(uint32_t pin, const RedirectionEntry &entry) {
        const uint8_t low = low_index(pin);
        window_.write(low, RedirectionEntry::mask_bit);
        window_.write(static_cast<uint8_t>(low + 1), entry.high_word());
        window_.write(low, entry.low_word());
    }

    Window window_{};
    uint32_t first_gsi_ = 0;
    uint32_t pins_ = 0;
};

}  // namespace ringfold
