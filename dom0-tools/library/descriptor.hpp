// SPDX-License-Identifier: Apache-2.0
//
// An open file that closes itself.
#pragma once

#include <unistd.h>

#include <utility>

namespace ringfold::tools {

class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor &&other) noexcept : number_(other.release()) {}
    Descriptor &operator=(Descriptor &&other) noexcept {
        if (this != &other) {
            reset(other.release());
        }
        return *this;
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor() { reset(-1); }

    [[nodiscard]] int number() const { return number_; }
    [[nodiscard]] bool is_open() const { return number_ >= 0; }
    [[nodiscard]] int release() { return std::exchange(number_, -1); }

  private:
    void reset(int number) {
        if (number_ >= 0) {
            close(number_);
        }
        number_ = number;
    }

    int number_ = -1;
};

}  // namespace ringfold::tools
