// SPDX-License-Identifier: Apache-2.0
//
// Locked<T, rank>: a T that can only be reached by whoever holds its lock.
//
//     auto queue = run_queue.lock();   // until the end of the scope
//     queue->append(vcpu);
#pragma once

#include "hypervisor/lib/lock_rank.hpp"
#include "hypervisor/lib/spinlock.hpp"

#include <optional>
#include <utility>

namespace ringfold {

template <typename T, LockRank rank>
class Locked {
  public:
    class [[nodiscard]] Guard {
      public:
        Guard(Guard &&other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        Guard(const Guard &) = delete;
        Guard &operator=(const Guard &) = delete;
        Guard &operator=(Guard &&) = delete;
        ~Guard() {
            if (owner_ != nullptr) {
                owner_->release();
            }
        }
        [[nodiscard]] T &operator*() const { return owner_->value_; }
        [[nodiscard]] T *operator->() const { return &owner_->value_; }

      private:
        friend class Locked;
        explicit Guard(Locked *owner) : owner_(owner) {}
        Locked *owner_;
    };

    template <typename... Args>
    constexpr explicit Locked(Args &&...args) : value_(std::forward<Args>(args)...) {}
    Locked(const Locked &) = delete;
    Locked &operator=(const Locked &) = delete;

    Guard lock() {
        note_taking();
        lock_.lock();
        note_taken();
        return Guard{this};
    }

    // Nothing if another CPU has it.
    std::optional<Guard> try_lock() {
        note_taking();
        if (!lock_.try_lock()) {
            return std::nullopt;
        }
        note_taken();
        return Guard{this};
    }

    // For a panic only: whoever holds the lock will never run again, and a torn value beats none.
    [[nodiscard]] T &without_lock() { return value_; }

  private:
    void note_taking() const {
        if constexpr (RINGFOLD_DEBUG != 0) {
            if (!held_locks().may_take(rank)) {
                lock_order_broken(rank);
            }
        }
    }
    void note_taken() const {
        if constexpr (RINGFOLD_DEBUG != 0) {
            held_locks().took(rank);
        }
    }
    void release() {
        lock_.unlock();
        if constexpr (RINGFOLD_DEBUG != 0) {
            held_locks().released(rank);
        }
    }

    TicketLock lock_;
    T value_;
};

}  // namespace ringfold
