// SPDX-License-Identifier: Apache-2.0
//
// The numbers that must never be mixed, each a one-word type of its own: explicit to construct, with only the algebra
// that means something. Point types (frames, addresses) are affine: point - point = count, point + count = point.
#pragma once

#include <compare>
#include <cstdint>

namespace ringfold {

inline constexpr uint64_t page_shift = 12;
inline constexpr uint64_t page_size = uint64_t{1} << page_shift;
inline constexpr uint64_t big_page_shift = 21;
inline constexpr uint64_t big_page_size = uint64_t{1} << big_page_shift;
inline constexpr uint64_t frames_per_extent = big_page_size / page_size;
inline constexpr uint64_t table_entries = 512;  // entries in a page table of any level

// An identifier: compared, printed, never computed with.
template <typename Tag, typename Word>
class Identifier {
  public:
    using word_type = Word;
    constexpr Identifier() = default;
    constexpr explicit Identifier(Word value) : value_(value) {}
    [[nodiscard]] constexpr Word raw() const { return value_; }
    constexpr auto operator<=>(const Identifier &) const = default;

  private:
    Word value_ = 0;
};

using DomainId = Identifier<struct DomainIdTag, uint16_t>;
using VcpuId = Identifier<struct VcpuIdTag, uint16_t>;
using CpuId = Identifier<struct CpuIdTag, uint16_t>;  // a physical CPU, counted from 0 in boot order
using Port = Identifier<struct PortTag, uint32_t>;
using GrantRef = Identifier<struct GrantRefTag, uint32_t>;

// The domain ids that name no domain. A frame of the hypervisor belongs to `hypervisor_domain`, a free one to
// `no_domain`, memory-mapped devices to `device_domain`.
inline constexpr DomainId hypervisor_domain{0xfff0};
inline constexpr DomainId device_domain{0xfff1};
inline constexpr DomainId no_domain{0xffff};

class FrameCount {
  public:
    constexpr FrameCount() = default;
    constexpr explicit FrameCount(uint64_t value) : value_(value) {}
    [[nodiscard]] constexpr uint64_t raw() const { return value_; }
    [[nodiscard]] constexpr uint64_t bytes() const { return value_ << page_shift; }
    // The number of frames that hold `bytes` bytes.
    [[nodiscard]] static constexpr FrameCount holding(uint64_t bytes) {
        return FrameCount{(bytes >> page_shift) + ((bytes & (page_size - 1)) != 0 ? 1 : 0)};
    }
    constexpr auto operator<=>(const FrameCount &) const = default;
    constexpr FrameCount &operator+=(FrameCount other) {
        value_ += other.value_;
        return *this;
    }
    constexpr FrameCount &operator-=(FrameCount other) {
        value_ -= other.value_;
        return *this;
    }
    friend constexpr FrameCount operator+(FrameCount a, FrameCount b) { return FrameCount{a.value_ + b.value_}; }
    friend constexpr FrameCount operator-(FrameCount a, FrameCount b) { return FrameCount{a.value_ - b.value_}; }

  private:
    uint64_t value_ = 0;
};

// A power of two of frames, as the buddy allocator hands them out.
class Order {
  public:
    constexpr Order() = default;
    constexpr explicit Order(unsigned value) : value_(value) {}
    [[nodiscard]] constexpr unsigned raw() const { return value_; }
    [[nodiscard]] constexpr FrameCount frames() const { return FrameCount{uint64_t{1} << value_}; }
    constexpr auto operator<=>(const Order &) const = default;

  private:
    unsigned value_ = 0;
};

// A frame number in the address space named by Tag.
template <typename Tag>
class Frame {
  public:
    constexpr Frame() = default;
    constexpr explicit Frame(uint64_t number) : number_(number) {}
    [[nodiscard]] constexpr uint64_t raw() const { return number_; }
    constexpr auto operator<=>(const Frame &) const = default;
    constexpr Frame &operator+=(FrameCount count) {
        number_ += count.raw();
        return *this;
    }
    constexpr Frame &operator++() {
        ++number_;
        return *this;
    }
    friend constexpr Frame operator+(Frame frame, FrameCount count) { return Frame{frame.number_ + count.raw()}; }
    friend constexpr Frame operator-(Frame frame, FrameCount count) { return Frame{frame.number_ - count.raw()}; }
    friend constexpr FrameCount operator-(Frame a, Frame b) { return FrameCount{a.number_ - b.number_}; }

  private:
    uint64_t number_ = 0;
};

using MachineFrame = Frame<struct MachineTag>;      // a 4 KiB frame of physical memory
using GuestFrame = Frame<struct GuestPhysicalTag>;  // a domain's pseudo-physical frame number

// An address in the address space named by Tag; cannot be dereferenced.
template <typename Tag>
class Address {
  public:
    constexpr Address() = default;
    constexpr explicit Address(uint64_t value) : value_(value) {}
    [[nodiscard]] constexpr uint64_t raw() const { return value_; }
    [[nodiscard]] constexpr uint64_t page_offset() const { return value_ & (page_size - 1); }
    constexpr auto operator<=>(const Address &) const = default;
    friend constexpr Address operator+(Address address, uint64_t bytes) { return Address{address.value_ + bytes}; }
    friend constexpr uint64_t operator-(Address a, Address b) { return a.value_ - b.value_; }

  private:
    uint64_t value_ = 0;
};

using MachineAddress = Address<struct MachineTag>;
using GuestAddress = Address<struct GuestVirtualTag>;  // a linear address of a guest

[[nodiscard]] constexpr MachineFrame frame_of(MachineAddress address) {
    return MachineFrame{address.raw() >> page_shift};
}
[[nodiscard]] constexpr MachineAddress address_of(MachineFrame frame) {
    return MachineAddress{frame.raw() << page_shift};
}

[[nodiscard]] constexpr uint64_t align_down(uint64_t value, uint64_t alignment) { return value & ~(alignment - 1); }
[[nodiscard]] constexpr uint64_t align_up(uint64_t value, uint64_t alignment) {
    return align_down(value + alignment - 1, alignment);
}
// True for an address that the processor accepts with four-level paging (bits 63..47 all alike).
[[nodiscard]] constexpr bool is_canonical(uint64_t address) {
    return static_cast<uint64_t>(static_cast<int64_t>(address << 16) >> 16) == address;
}

}  // namespace ringfold
