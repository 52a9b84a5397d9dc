// SPDX-License-Identifier: Apache-2.0
//
// A vCPU's call buffer: the only memory of a guest's that hypercalls read arguments from and write results to. Pages
// are named once, by machine frame, and held writable until replaced. What is read is copied once; the copy is checked.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/held_frames.hpp"

#include <ringfold/hypercall.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ringfold {

class CallBuffer {
  public:
    // Replaces page `index` (below RINGFOLD_CALL_BUFFER_PAGES); an empty reference unregisters it.
    void set(uint32_t index, TypeReference frame) { pages_[index] = std::move(frame); }
    void clear();

    // bad_frame: [offset, offset + size) is not within registered pages; nothing was copied.
    [[nodiscard]] Result<void> read(uint64_t offset, std::span<std::byte> to) const;
    [[nodiscard]] Result<void> write(uint64_t offset, std::span<const std::byte> from) const;
    [[nodiscard]] Result<void> check(uint64_t offset, uint64_t size) const;

    template <typename T>
    [[nodiscard]] Result<void> read_object(uint64_t offset, T &to) const {
        return read(offset, std::as_writable_bytes(std::span{&to, 1}));
    }
    template <typename T>
    [[nodiscard]] Result<void> write_object(uint64_t offset, const T &from) const {
        return write(offset, std::as_bytes(std::span{&from, 1}));
    }
    template <typename T>
    [[nodiscard]] Result<void> read_array(uint64_t offset, std::span<T> to) const {
        return read(offset, std::as_writable_bytes(to));
    }
    template <typename T>
    [[nodiscard]] Result<void> write_array(uint64_t offset, std::span<const T> from) const {
        return write(offset, std::as_bytes(from));
    }

    // Calls visit(MachineFrame) for each registered page: what the audit counts.
    template <typename Visitor>
    void for_each_frame(Visitor &&visit) const {
        for (const TypeReference &page : pages_) {
            if (page) {
                visit(page.frame());
            }
        }
    }

  private:
    std::array<TypeReference, RINGFOLD_CALL_BUFFER_PAGES> pages_;
};

}  // namespace ringfold
