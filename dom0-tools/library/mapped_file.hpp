// SPDX-License-Identifier: Apache-2.0
//
// A file's bytes, read-only.
#pragma once

#include "dom0-tools/library/outcome.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ringfold::tools {

class MappedFile {
  public:
    MappedFile() = default;
    [[nodiscard]] static Outcome<MappedFile> open(const std::string &path);

    MappedFile(MappedFile &&other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    MappedFile &operator=(MappedFile &&other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    MappedFile(const MappedFile &) = delete;
    MappedFile &operator=(const MappedFile &) = delete;
    ~MappedFile();

    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
    [[nodiscard]] std::string_view text() const {
        return {reinterpret_cast<const char *>(bytes_.data()), bytes_.size()};
    }

  private:
    std::span<const std::byte> bytes_;
};

}  // namespace ringfold::tools
