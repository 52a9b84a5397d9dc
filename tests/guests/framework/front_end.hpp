// SPDX-License-Identifier: Apache-2.0
//
// The guest's side of virtual devices (ringfold/device.h): pages that the control domain lends, the states of a device,
// its queues. What must work is checked; what a hostile guest may do beyond that is the test's.
#pragma once

#include "framework/frame_numbers.hpp"
#include "framework/time.hpp"

#include <ringfold/device.h>

#include <array>
#include <cstdint>

namespace guest {

// Longer than any machine takes for what it does at all.
inline constexpr uint64_t device_patience = 60'000 * millisecond;

// Until an event comes, at the most.
void sleep_for(uint64_t nanoseconds);

// Looks again whenever an event comes, and now and then. False: it never held.
template <typename Condition>
bool wait_until(Condition &&holds, uint64_t patience = device_patience) {
    for (const uint64_t end = system_time() + patience; !holds();) {
        if (system_time() > end) {
            return false;
        }
        sleep_for(millisecond);
    }
    return true;
}

// Pages of another domain with consecutive references, mapped one behind the other.
class BorrowedPages {
  public:
    static constexpr uint32_t most = 320;

    // False: one of them was refused, and none is held.
    bool borrow(uint64_t linear, uint32_t domain, uint32_t first, uint32_t count);
    void give_back();
    // Gives one up and borrows it again.
    void borrow_again(uint32_t index);

    [[nodiscard]] bool holds(uint32_t reference) const { return reference - first_ < count_; }
    [[nodiscard]] uint32_t count() const { return count_; }
    [[nodiscard]] uint64_t size() const { return count_ * page_size; }
    template <typename T>
    [[nodiscard]] T *at(uint64_t offset = 0) const {
        return reinterpret_cast<T *>(linear_ + offset);
    }

  private:
    bool borrow_one(uint32_t index);
    void give_one(uint32_t index);

    uint64_t linear_ = 0;
    uint32_t domain_ = 0;
    uint32_t first_ = 0;
    uint32_t count_ = 0;
    std::array<uint32_t, most> handles_{};
};

// The control page, and the event port that goes with it; SKIP if there is none.
class ControlPage {
  public:
    void open();
    // What stands in a place; generation 0: nothing.
    [[nodiscard]] ringfold_control_device device(uint32_t place) const;
    void notify() const;
    [[nodiscard]] const BorrowedPages &pages() const { return pages_; }
    [[nodiscard]] uint32_t port() const { return port_; }

  private:
    BorrowedPages pages_;
    uint32_t port_ = 0;
};

class FrontDevice {
  public:
    static constexpr uint32_t most_queues = 2;

    struct Queue {
        BorrowedPages pages;
        uint32_t port = 0;
    };

    void open(const ControlPage &control, uint32_t place, const ringfold_control_device &entry);

    [[nodiscard]] uint32_t back_state() const { return __atomic_load_n(&page()->back_state, __ATOMIC_ACQUIRE); }
    // The back end has taken it away.
    [[nodiscard]] bool is_gone() const { return control_->device(place_).generation != entry_.generation; }
    // After all that it stands for.
    void set_state(uint32_t state) const;
    void ask(uint32_t queues, uint32_t features) const;
    // Asks for what it may have and connects; what does not work is a failure, and false.
    bool connect(uint32_t queues, uint32_t features);
    // The back end made `count` queues.
    bool open_queues(uint32_t count);
    void close_queues();
    // Lets go of all, and says so; NONE when the back end has closed, too.
    void close();
    // From whatever state both ends are in: until the back end offers.
    void start_over();
    // A page of it that is borrowed now.
    [[nodiscard]] bool holds(uint32_t reference) const;

    [[nodiscard]] ringfold_device_page *page() const { return pages_.at<ringfold_device_page>(); }
    // What was offered, as it was read at first.
    [[nodiscard]] uint32_t queue_limit() const { return offer_.queue_limit; }
    [[nodiscard]] uint32_t features() const { return offer_.features; }
    template <typename T>
    [[nodiscard]] const T &offer() const {
        return *reinterpret_cast<const T *>(offer_.kind.data());
    }
    // As many queues as a test uses of it.
    [[nodiscard]] uint32_t usual_queues() const {
        return offer_.queue_limit < most_queues ? offer_.queue_limit : most_queues;
    }
    [[nodiscard]] uint16_t kind() const { return entry_.kind; }
    [[nodiscard]] uint16_t number() const { return entry_.number; }
    [[nodiscard]] bool connected() const { return queue_count_ != 0; }
    [[nodiscard]] uint32_t queue_count() const { return queue_count_; }
    [[nodiscard]] Queue &queue(uint32_t number) { return queues_[number]; }
    [[nodiscard]] const ControlPage &control() const { return *control_; }

  private:
    struct Offer {
        uint32_t queue_limit;
        uint32_t features;
        alignas(uint64_t) std::array<uint8_t, sizeof(ringfold_device_page::kind)> kind;
    };

    [[nodiscard]] uint64_t window(uint32_t number) const;

    const ControlPage *control_ = nullptr;
    uint32_t place_ = 0;
    ringfold_control_device entry_{};
    BorrowedPages pages_;
    Offer offer_{};
    uint32_t queue_count_ = 0;
    std::array<Queue, most_queues> queues_{};
};

}  // namespace guest
