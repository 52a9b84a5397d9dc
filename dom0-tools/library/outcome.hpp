// SPDX-License-Identifier: Apache-2.0
//
// Errors as values with a text for people: what was wrong, where, and what was expected. `Outcome<T>` is a T or a
// Failure and cannot be ignored; TRY (hypervisor/lib/result.hpp) unwraps it or returns the failure.
#pragma once

#include "hypervisor/lib/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace ringfold::tools {

// What kind of thing went wrong: the exit status of hvctl and the code of an answer of hvd.
enum class Kind {
    failed,         // anything else
    usage,          // a command that cannot be right
    not_found,      // no such domain, vCPU, ...
    exists,         // the name is taken
    busy,           // not in the present state of the domain
    configuration,  // a mistake in a configuration
    image,          // a kernel that is refused
    memory,         // too little memory
    unsupported,    // not in this version of the hypervisor or the tools
    permission,     // not allowed
    connection,     // hvd, or the hypervisor, cannot be reached
};

[[nodiscard]] std::string_view name_of(Kind kind);
[[nodiscard]] std::optional<Kind> kind_named(std::string_view name);
[[nodiscard]] int exit_status(Kind kind);  // 1 and up

struct Failure {
    Kind kind = Kind::failed;
    std::string text;
};

// A mistake in a configuration.
[[nodiscard]] Failure wrong(std::string text);
// What failed, put before what was wrong.
[[nodiscard]] Failure during(std::string_view doing, const Failure &failure);
// Of a system call: the text of errno.
[[nodiscard]] Failure system_failure(std::string_view doing, int error);

template <typename T>
class [[nodiscard]] Outcome {
  public:
    Outcome(T value) : content_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
    Outcome(Failure failure)
        : content_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const { return content_.index() == 0; }
    [[nodiscard]] const Failure &error() const { return *std::get_if<1>(&content_); }  // only when !ok()
    [[nodiscard]] T &value() { return *std::get_if<0>(&content_); }                    // only when ok()
    [[nodiscard]] const T &value() const { return *std::get_if<0>(&content_); }
    T take() { return std::move(*std::get_if<0>(&content_)); }  // only when ok()

  private:
    std::variant<T, Failure> content_;
};

template <>
class [[nodiscard]] Outcome<void> {
  public:
    Outcome() = default;
    Outcome(Failure failure) : failure_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const { return !failure_; }
    [[nodiscard]] const Failure &error() const { return *failure_; }
    void take() const {}

  private:
    std::optional<Failure> failure_;
};

}  // namespace ringfold::tools
