// SPDX-License-Identifier: Apache-2.0
//
// Which domains there are, by number. A domain stays in the list, and its number taken, until nobody refers to it.
#pragma once

#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/lib/result.hpp"

#include <array>
#include <utility>

namespace ringfold {

// Keeps a Domain and its vCPUs from being freed; not the domain from ending, nor its memory from being given back.
class [[nodiscard]] DomainReference {
  public:
    DomainReference() = default;
    DomainReference(DomainReference &&other) noexcept : domain_(std::exchange(other.domain_, nullptr)) {}
    DomainReference &operator=(DomainReference &&other) noexcept {
        std::swap(domain_, other.domain_);
        return *this;
    }
    DomainReference(const DomainReference &) = delete;
    DomainReference &operator=(const DomainReference &) = delete;
    ~DomainReference() { reset(); }

    // `domain` is referred to by the caller already, or running it.
    [[nodiscard]] static DomainReference to(Domain &domain);

    void reset();
    // For lists that link domains themselves: the reference is the list's until it is adopted again.
    [[nodiscard]] Domain *release() { return std::exchange(domain_, nullptr); }
    [[nodiscard]] static DomainReference adopt(Domain *domain) { return DomainReference{domain}; }
    [[nodiscard]] explicit operator bool() const { return domain_ != nullptr; }
    [[nodiscard]] Domain &operator*() const { return *domain_; }
    [[nodiscard]] Domain *operator->() const { return domain_; }

  private:
    friend Result<DomainReference> find_domain(DomainId id);
    explicit DomainReference(Domain *domain) : domain_(domain) {}

    Domain *domain_ = nullptr;
};

// not_found: there is none, or nothing but references is left of it.
[[nodiscard]] Result<DomainReference> find_domain(DomainId id);

namespace domain_list {

inline constexpr std::size_t capacity = 4096;
using Domains = std::array<Domain *, capacity>;  // domain n in place n modulo capacity

[[nodiscard]] Locked<Domains, LockRank::domain_list> &all();

// A number that no domain has. Until add() another caller may have taken it.
[[nodiscard]] Result<DomainId> free_id();
// The list's own reference is the one that a new Domain begins with. already_exists: the number, or its place, is
// taken.
[[nodiscard]] Result<void> add(Domain &domain);
// The number of the first domain at or above `first`. not_found: there is none.
[[nodiscard]] Result<DomainId> next(DomainId first);
// Drops the list's reference: the domain is gone with the last one.
void remove(Domain &domain);

template <typename Visitor>
void for_each(Visitor &&visit) {
    auto domains = all().lock();
    for (Domain *const domain : *domains) {
        if (domain != nullptr) {
            visit(*domain);
        }
    }
}

// The first domain from place `place` of the list on, which then is the place behind it; empty: there is none, and
// `place` is 0. For going through domains without the list's lock, which comes after those of a domain.
[[nodiscard]] DomainReference from_place(std::size_t &place);

// That way through all of them.
template <typename Visitor>
void for_each_unlocked(Visitor &&visit) {
    std::size_t place = 0;
    while (const DomainReference domain = from_place(place)) {
        visit(*domain);
    }
}

}  // namespace domain_list
}  // namespace ringfold
