// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/domain_row.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace ringfold::tools {

namespace {

using nlohmann::json;

json state_of(const DomainRow &row) {
    if (row.guest.phase != Phase::running) {
        return name_of(row.guest.phase);
    }
    if (row.info.state == RINGFOLD_DOMAIN_ENDED) {  // and hvd has not heard of it yet
        return "ended";
    }
    return row.guest.paused ? "paused" : name_of(row.guest.phase);
}

json target_of(const DomainRow &row) {
    const bool told = row.info.domain != 0 && row.guest.memory_target != FrameCount{};
    return told ? row.guest.memory_target.raw() : row.info.owned_frames;
}

constexpr std::array all_fields{
    DomainField{"name", [](const DomainRow &row) -> json { return row.guest.name; }},
    DomainField{"id", [](const DomainRow &row) -> json { return row.guest.id.raw(); }},
    DomainField{"state", state_of},
    DomainField{"control", [](const DomainRow &row) -> json { return row.control; }},
    DomainField{"life", [](const DomainRow &row) -> json { return row.guest.life; }},
    DomainField{"key", [](const DomainRow &row) -> json { return row.guest.key; }},
    DomainField{"logs", [](const DomainRow &row) -> json { return row.guest.directory.string(); }},
    DomainField{"terminal", [](const DomainRow &row) -> json { return row.guest.terminal; }},
    DomainField{"vcpus", [](const DomainRow &row) -> json { return row.info.vcpu_count; }},
    DomainField{"vcpus_online", [](const DomainRow &row) -> json { return row.info.vcpus_online; }},
    DomainField{"memory_frames", [](const DomainRow &row) -> json { return row.info.owned_frames; }},
    DomainField{"target_frames", target_of},
    DomainField{"maximum_frames", [](const DomainRow &row) -> json { return row.info.maximum_frames; }},
    DomainField{"run_time_ns", [](const DomainRow &row) -> json { return row.info.run_time; }},
    DomainField{"rights", [](const DomainRow &row) -> json { return row.info.rights; }},
};

}  // namespace

Outcome<std::vector<DomainField>> domain_fields(const std::vector<std::string> &names) {
    std::vector<DomainField> fields;
    for (const std::string &name : names) {
        const auto *const field = std::ranges::find(all_fields, name, &DomainField::name);
        if (field == all_fields.end()) {
            return Failure{Kind::usage, fmt::format("domains have no field \"{}\"", name)};
        }
        fields.push_back(*field);
    }
    return fields;
}

json to_object(const DomainRow &row) {
    json object;
    for (const DomainField &field : all_fields) {
        object[std::string{field.name}] = field.value(row);
    }
    return object;
}

json to_list(const DomainRow &row, const std::vector<DomainField> &fields) {
    json list = json::array();
    for (const DomainField &field : fields) {
        list.push_back(field.value(row));
    }
    return list;
}

}  // namespace ringfold::tools
