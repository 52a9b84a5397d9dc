// SPDX-License-Identifier: Apache-2.0
//
// A counted reference to what the grant logic knows of a domain: while it lives, the domain does. How domains are
// counted is theirs to say (GrantKeeper), so that this logic does not depend on them.
#pragma once

#include <utility>

namespace ringfold {

class GrantDomain;

struct GrantKeeper {
    void *context;
    void (*keep)(void *context);
    void (*let_go)(void *context);
};

class [[nodiscard]] GrantReference {
  public:
    GrantReference() = default;
    // The domain is kept anyway at this moment.
    explicit GrantReference(GrantDomain &domain);
    GrantReference(GrantReference &&other) noexcept : domain_(std::exchange(other.domain_, nullptr)) {}
    GrantReference &operator=(GrantReference &&other) = delete;
    GrantReference(const GrantReference &) = delete;
    GrantReference &operator=(const GrantReference &) = delete;
    ~GrantReference();

    [[nodiscard]] explicit operator bool() const { return domain_ != nullptr; }
    [[nodiscard]] GrantDomain &operator*() const { return *domain_; }
    [[nodiscard]] GrantDomain *operator->() const { return domain_; }

  private:
    GrantDomain *domain_ = nullptr;
};

}  // namespace ringfold
