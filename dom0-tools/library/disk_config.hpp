// SPDX-License-Identifier: Apache-2.0
//
// A guest's disk, as a configuration says it: "target=/dev/vg/web,vdev=rda,access=rw", or xl's short form
// "/dev/vg/web,raw,rda,rw".
#pragma once

#include "dom0-tools/library/outcome.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ringfold::tools {

struct DiskConfig {
    std::string target;   // a block device, or a file
    uint32_t number = 0;  // 0: rda, 1: rdb, ...
    bool read_only = false;
    uint32_t queues = 0;  // at most; 0: as the kernel thinks
    uint64_t rate = 0;    // bytes a second that are read and written; 0: no limit

    bool operator==(const DiskConfig &) const = default;
};

// The disk is `number` unless it says otherwise.
[[nodiscard]] Outcome<DiskConfig> parse_disk(std::string_view text, uint32_t number);

[[nodiscard]] std::string disk_name(uint32_t number);  // "rda"

[[nodiscard]] nlohmann::json to_json(const DiskConfig &disk);
[[nodiscard]] DiskConfig disk_from_json(const nlohmann::json &json);  // throws what the library throws

}  // namespace ringfold::tools
