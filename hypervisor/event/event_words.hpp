// SPDX-License-Identifier: Apache-2.0
//
// The event words of one vCPU (ringfold/event.h): bits in memory that the guest writes at any moment. Every access is
// one atomic operation on one word, and nothing that is read decides more than whether the guest gets an upcall.
//
// Sequentially consistent throughout: the sender sets the pending bit, then reads the mask bit; the guest clears the
// mask bit, then reads the pending bit; one of them sees the other. Likewise for the selectors, which are set after the
// pending bit and cleared before it is looked for.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <ringfold/event.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace ringfold {

class EventWords {
  public:
    using Pages = std::array<ringfold_event_page *, RINGFOLD_EVENT_PAGES>;

    EventWords(ringfold_event_area &area, const Pages &pages) : area_(area), pages_(pages) {}

    [[nodiscard]] static constexpr bool is_in_area(Port port) { return port.raw() < RINGFOLD_EVENT_AREA_PORTS; }
    [[nodiscard]] static constexpr uint32_t page_of(Port port) { return port.raw() / RINGFOLD_EVENT_PAGE_PORTS; }

    // Is there memory for the port's bits? Only then may it be given to the functions below.
    [[nodiscard]] bool reach(Port port) const { return is_in_area(port) || pages_[page_of(port)] != nullptr; }

    // These return the bit as it was.
    bool set_pending(Port port) { return set(pending_word(port), bit_of(port)); }
    bool clear_pending(Port port) { return clear(pending_word(port), bit_of(port)); }
    bool set_masked(Port port) { return set(masked_word(port), bit_of(port)); }
    bool clear_masked(Port port) { return clear(masked_word(port), bit_of(port)); }

    [[nodiscard]] bool is_pending(Port port) const { return test(pending_word(port), bit_of(port)); }
    [[nodiscard]] bool is_masked(Port port) const { return test(masked_word(port), bit_of(port)); }

    // Leads the guest to the port's pending bit: from the bottom up, as it looks from the top down.
    void select(Port port) {
        const uint32_t word = port.raw() / 64;
        set(area_.selectors[word / 64], uint64_t{1} << word % 64);
        set(area_.selector, uint64_t{1} << word / 64);
    }
    [[nodiscard]] bool any_selected() const { return load(area_.selector) != 0; }

  private:
    [[nodiscard]] static uint64_t bit_of(Port port) { return uint64_t{1} << port.raw() % 64; }

    [[nodiscard]] uint64_t &pending_word(Port port) const {
        return is_in_area(port) ? area_.pending[port.raw() / 64] : pages_[page_of(port)]->pending[word_in_page(port)];
    }
    [[nodiscard]] uint64_t &masked_word(Port port) const {
        return is_in_area(port) ? area_.masked[port.raw() / 64] : pages_[page_of(port)]->masked[word_in_page(port)];
    }
    [[nodiscard]] static uint32_t word_in_page(Port port) { return port.raw() % RINGFOLD_EVENT_PAGE_PORTS / 64; }

    static bool set(uint64_t &word, uint64_t bit) {
        return (std::atomic_ref<uint64_t>(word).fetch_or(bit, std::memory_order_seq_cst) & bit) != 0;
    }
    static bool clear(uint64_t &word, uint64_t bit) {
        return (std::atomic_ref<uint64_t>(word).fetch_and(~bit, std::memory_order_seq_cst) & bit) != 0;
    }
    static uint64_t load(uint64_t &word) { return std::atomic_ref<uint64_t>(word).load(std::memory_order_seq_cst); }
    static bool test(uint64_t &word, uint64_t bit) { return (load(word) & bit) != 0; }

    ringfold_event_area &area_;
    const Pages &pages_;
};

}  // namespace ringfold
