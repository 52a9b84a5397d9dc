// SPDX-License-Identifier: Apache-2.0
//
// Errors are values. `Result<T>` is either a T or an Error and cannot be ignored; `TRY(x)` unwraps or returns the
// error.
#pragma once

#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace ringfold {

// What can go wrong, in the hypervisor's own terms. `to_abi()` (hypercall/) turns each into the number a guest sees.
enum class Error : uint8_t {
    invalid_argument,  // -EINVAL: an argument that can never be right
    out_of_range,      // -ERANGE: a number past a documented limit
    bad_frame,         // -EFAULT: a frame number that names no RAM, or not RAM of this domain
    not_permitted,     // -EPERM:  the caller does not hold the right
    access_denied,     // -EACCES: an entry or use that the rules never allow (flags, slot 256, foreign frame)
    busy,              // -EBUSY:  the object is in a use that excludes this one (type conflict, pinned, mapped)
    not_found,         // -ENOENT: no such object
    already_exists,    // -EEXIST
    out_of_memory,     // -ENOMEM
    limit_reached,     // -EOVERFLOW: a counter or table is full
    quota,             // -EMFILE: a limit on what the caller's domain may have at once
    again,             // -EAGAIN: preempted; the progress says where to resume
    not_supported,     // -ENOSYS: not in this version
    malformed,         // -ENOEXEC: an image or table that does not parse
    device,            // -ENODEV: hardware that is missing or does not answer
    inconsistent,      // -EUCLEAN: the accounting does not add up
};

template <typename T>
class [[nodiscard]] Result {
    static_assert(std::is_trivially_destructible_v<T> || std::is_move_constructible_v<T>);

  public:
    constexpr Result(T value) : ok_(true), value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
    constexpr Result(Error error) : ok_(false), error_(error) {}        // NOLINT(google-explicit-constructor)
    constexpr Result(Result &&other) noexcept : ok_(other.ok_) {
        if (ok_) {
            new (&value_) T(std::move(other.value_));
        } else {
            error_ = other.error_;
        }
    }
    Result(const Result &) = delete;
    Result &operator=(const Result &) = delete;
    Result &operator=(Result &&) = delete;
    constexpr ~Result() {
        if (ok_) {
            value_.~T();
        }
    }

    [[nodiscard]] constexpr bool ok() const { return ok_; }
    [[nodiscard]] constexpr Error error() const { return error_; }  // only when !ok()
    [[nodiscard]] constexpr T &value() & { return value_; }         // only when ok()
    [[nodiscard]] constexpr const T &value() const & { return value_; }
    [[nodiscard]] constexpr T take() { return std::move(value_); }  // only when ok()

  private:
    bool ok_;
    union {
        T value_;
        Error error_;
    };
};

template <>
class [[nodiscard]] Result<void> {
  public:
    constexpr Result() = default;
    constexpr Result(Error error) : ok_(false), error_(error) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] constexpr bool ok() const { return ok_; }
    [[nodiscard]] constexpr Error error() const { return error_; }
    constexpr void take() const {}

  private:
    bool ok_ = true;
    Error error_ = Error::invalid_argument;
};

}  // namespace ringfold

// TRY(expression) evaluates to the value, or returns the error from the enclosing function.
#define TRY(...)                          \
    ({                                    \
        auto try_result_ = (__VA_ARGS__); \
        if (!try_result_.ok()) {          \
            return try_result_.error();   \
        }                                 \
        try_result_.take();               \
    })
