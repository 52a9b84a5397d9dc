// SPDX-License-Identifier: Apache-2.0
//
// Like Result<T>, with a reason of the caller's own type: for parsers that must say exactly what is wrong with their
// input. Works with TRY. T and E are plain values, so both have room and nothing needs to be destroyed.
#pragma once

#include <type_traits>

namespace ringfold {

template <typename T, typename E>
class [[nodiscard]] Expected {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_copyable_v<E> && !std::is_same_v<T, E>);

  public:
    constexpr Expected(const T &value) : value_(value), ok_(true) {}  // NOLINT(google-explicit-constructor)
    constexpr Expected(E error) : error_(error) {}                    // NOLINT(google-explicit-constructor)

    [[nodiscard]] constexpr bool ok() const { return ok_; }
    [[nodiscard]] constexpr E error() const { return error_; }         // only when !ok()
    [[nodiscard]] constexpr const T &value() const { return value_; }  // only when ok()
    [[nodiscard]] constexpr T take() const { return value_; }          // only when ok()

  private:
    T value_{};
    E error_{};
    bool ok_ = false;
};

template <typename E>
class [[nodiscard]] Expected<void, E> {
  public:
    constexpr Expected() = default;
    constexpr Expected(E error) : error_(error), ok_(false) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] constexpr bool ok() const { return ok_; }
    [[nodiscard]] constexpr E error() const { return error_; }
    constexpr void take() const {}

  private:
    E error_{};
    bool ok_ = true;
};

}  // namespace ringfold
