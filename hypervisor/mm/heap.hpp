// SPDX-License-Identifier: Apache-2.0
//
// Where the hypervisor's own objects live. Up to 4096 bytes they come from slabs, beyond that they get frames of their
// own. Out of memory is an error; a wrong or repeated free is our mistake, and panics.
//
//     Vcpu *vcpu = TRY(create<Vcpu>(domain, number));   ...   destroy(vcpu);
//     Owned<Vcpu> vcpu = TRY(create_owned<Vcpu>(domain, number));   // destroyed at the end of the scope
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/slab_heap.hpp"

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

namespace ringfold {

// Memory aligned to its size, rounded up to a power of two. What is in it means nothing.
[[nodiscard]] Result<void *> heap_allocate(uint64_t size);
// `size` as it was for heap_allocate().
void heap_free(void *pointer, uint64_t size);
void heap_trim();
[[nodiscard]] HeapCounters heap_counters();

template <typename T>
inline constexpr uint64_t heap_size_of = std::max<uint64_t>(sizeof(T), alignof(T));

template <typename T, typename... Args>
[[nodiscard]] Result<T *> create(Args &&...args) {
    return new (TRY(heap_allocate(heap_size_of<T>))) T(std::forward<Args>(args)...);
}

// `object` came from create<T>() and is of exactly this type; null is fine.
template <typename T>
void destroy(T *object) {
    if (object != nullptr) {
        object->~T();
        heap_free(object, heap_size_of<T>);
    }
}

// The one owner of an object from create<T>(), or nothing.
template <typename T>
class [[nodiscard]] Owned {
  public:
    constexpr Owned() = default;
    constexpr explicit Owned(T *object) : object_(object) {}
    constexpr Owned(Owned &&other) noexcept : object_(other.release()) {}
    Owned &operator=(Owned &&other) noexcept {
        if (this != &other) {
            destroy(std::exchange(object_, other.release()));
        }
        return *this;
    }
    Owned(const Owned &) = delete;
    Owned &operator=(const Owned &) = delete;
    // The analyser does not see through the union in Result, and takes what take() moved away for undefined.
    ~Owned() { destroy(object_); }  // NOLINT(clang-analyzer-core.CallAndMessage)

    [[nodiscard]] constexpr T *get() const { return object_; }
    [[nodiscard]] constexpr T &operator*() const { return *object_; }
    [[nodiscard]] constexpr T *operator->() const { return object_; }
    [[nodiscard]] constexpr explicit operator bool() const { return object_ != nullptr; }
    // The caller takes over.
    [[nodiscard]] constexpr T *release() { return std::exchange(object_, nullptr); }

  private:
    T *object_ = nullptr;
};

template <typename T, typename... Args>
[[nodiscard]] Result<Owned<T>> create_owned(Args &&...args) {
    return Owned<T>{TRY(create<T>(std::forward<Args>(args)...))};
}

}  // namespace ringfold
