// SPDX-License-Identifier: Apache-2.0
//
// What hvd tells of a domain, as README.md lists it: whole, or some fields of it only, for there may be many domains.
#pragma once

#include "dom0-tools/hvd/guest.hpp"

#include <ringfold/domain.h>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace ringfold::tools {

struct DomainRow {
    const Guest &guest;
    ringfold_domain_info info;  // all 0: it has no domain
    bool control = false;
};

struct DomainField {
    std::string_view name;
    nlohmann::json (*value)(const DomainRow &row);
};

// usage: there is no such field.
[[nodiscard]] Outcome<std::vector<DomainField>> domain_fields(const std::vector<std::string> &names);

// All fields, by name.
[[nodiscard]] nlohmann::json to_object(const DomainRow &row);
// The values of these fields, in their order.
[[nodiscard]] nlohmann::json to_list(const DomainRow &row, const std::vector<DomainField> &fields);

}  // namespace ringfold::tools
