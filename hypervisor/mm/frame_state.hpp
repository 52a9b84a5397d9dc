// SPDX-License-Identifier: Apache-2.0
//
// The word that accounts for the uses of a frame, as a value. FrameInfo holds it in an atomic and changes it by
// compare-exchange; nothing else of a frame's accounting needs to change at the same moment.
//
//    63      62       61      60        59    57 56           29 28            0
//   +-------+--------+-------+---------+--------+---------------+---------------+
//   |   0   | partial| pinned|validated|  type  |   type count  |   references  |
//   +-------+--------+-------+---------+--------+---------------+---------------+
//
// References: 1 for the owner, and 1 for every use (mapping, table entry, pin, holder), typed or not. 0 = a free frame.
// Type count: how many of the uses need the frame to be of its type. Invariants:
//   none:      type count 0, no flag
//   writable:  type count > 0, no flag
//   L1..L4:    validated, type count > 0; or partial, type count 0 (a validation that was interrupted) or
//              1 (an undoing that was interrupted: the user still holds the count)
//   pinned:    L1..L4 only; one of the type counts is the pin's
#pragma once

#include <cstdint>

namespace ringfold {

enum class FrameType : uint8_t { none, writable, l1, l2, l3, l4 };

class FrameState {
  public:
    static constexpr uint64_t reference_limit = (uint64_t{1} << 29) - 1;
    static constexpr uint64_t type_limit = (uint64_t{1} << 28) - 1;

    constexpr FrameState() = default;
    constexpr explicit FrameState(uint64_t word) : word_(word) {}

    [[nodiscard]] constexpr uint64_t raw() const { return word_; }
    [[nodiscard]] constexpr uint64_t references() const { return word_ & reference_limit; }
    [[nodiscard]] constexpr uint64_t type_count() const { return (word_ >> type_count_shift) & type_limit; }
    [[nodiscard]] constexpr FrameType type() const { return static_cast<FrameType>((word_ >> type_shift) & 7); }
    [[nodiscard]] constexpr bool validated() const { return (word_ & validated_bit) != 0; }
    [[nodiscard]] constexpr bool pinned() const { return (word_ & pinned_bit) != 0; }
    [[nodiscard]] constexpr bool partial() const { return (word_ & partial_bit) != 0; }
    [[nodiscard]] constexpr bool is_table() const { return type() >= FrameType::l1; }
    constexpr bool operator==(const FrameState &) const = default;

    // Each leaves the rest as it is. The caller has checked limits.
    [[nodiscard]] constexpr FrameState add_reference() const { return FrameState{word_ + 1}; }
    [[nodiscard]] constexpr FrameState drop_reference() const { return FrameState{word_ - 1}; }
    [[nodiscard]] constexpr FrameState add_type() const { return FrameState{word_ + type_one}; }
    [[nodiscard]] constexpr FrameState drop_type() const { return FrameState{word_ - type_one}; }
    [[nodiscard]] constexpr FrameState with_type(FrameType type) const {
        return FrameState{(word_ & ~(uint64_t{7} << type_shift)) | static_cast<uint64_t>(type) << type_shift};
    }
    // One more use as writable, and one less; with the last one the type goes.
    [[nodiscard]] constexpr FrameState add_writable() const { return with_type(FrameType::writable).add_type(); }
    [[nodiscard]] constexpr FrameState drop_writable() const {
        const FrameState fewer = drop_type();
        return fewer.type_count() == 0 ? fewer.with_type(FrameType::none) : fewer;
    }
    [[nodiscard]] constexpr FrameState with_validated(bool on) const { return with(validated_bit, on); }
    [[nodiscard]] constexpr FrameState with_pinned(bool on) const { return with(pinned_bit, on); }
    [[nodiscard]] constexpr FrameState with_partial(bool on) const { return with(partial_bit, on); }

  private:
    static constexpr unsigned type_count_shift = 29;
    static constexpr unsigned type_shift = 57;
    static constexpr uint64_t type_one = uint64_t{1} << type_count_shift;
    static constexpr uint64_t validated_bit = uint64_t{1} << 60;
    static constexpr uint64_t pinned_bit = uint64_t{1} << 61;
    static constexpr uint64_t partial_bit = uint64_t{1} << 62;

    [[nodiscard]] constexpr FrameState with(uint64_t bit, bool on) const {
        return FrameState{on ? word_ | bit : word_ & ~bit};
    }

    uint64_t word_ = 0;
};

}  // namespace ringfold
