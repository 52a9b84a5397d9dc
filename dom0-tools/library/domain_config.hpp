// SPDX-License-Identifier: Apache-2.0
//
// What a guest shall be: the keys of its configuration, with xl's names. As JSON it goes from hvctl to hvd and is kept
// while the domain lives, so that it can be started again.
#pragma once

#include "dom0-tools/library/disk_config.hpp"
#include "dom0-tools/library/network_config.hpp"
#include "dom0-tools/library/outcome.hpp"
#include "hypervisor/lib/units.hpp"

#include <nlohmann/json_fwd.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfold::tools {

// What is done when a domain has ended in one way or another.
enum class EndAction {
    destroy,
    restart,
    preserve,          // it stays, ended, to be looked at
    coredump_destroy,  // keeps a core, then destroys
    coredump_restart,
};

[[nodiscard]] std::string_view name_of(EndAction action);
[[nodiscard]] std::optional<EndAction> end_action_named(std::string_view name);
[[nodiscard]] std::string end_action_names();  // for messages

[[nodiscard]] constexpr FrameCount frames_in_mebibytes(uint64_t mebibytes) {
    return FrameCount{mebibytes << (20 - page_shift)};
}

struct DomainConfig {
    std::string name;
    std::string kernel;   // a path
    std::string ramdisk;  // a path; may be empty
    std::string command_line;
    uint64_t memory_mib = 128;
    uint64_t maximum_mib = 0;    // 0: memory_mib
    uint32_t vcpus = 1;          // started by the guest
    uint32_t maximum_vcpus = 0;  // 0: vcpus
    std::vector<uint64_t> cpus;  // sets of CPUs: for each vCPU, the last one for the rest; empty: all
    uint32_t weight = 256;
    uint32_t cap = 0;
    uint32_t pool = 0;
    std::vector<DiskConfig> disks;
    std::vector<NetworkConfig> networks;
    EndAction on_poweroff = EndAction::destroy;
    EndAction on_reboot = EndAction::restart;
    EndAction on_crash = EndAction::destroy;
    EndAction on_watchdog = EndAction::destroy;

    [[nodiscard]] FrameCount memory() const { return frames_in_mebibytes(memory_mib); }
    [[nodiscard]] FrameCount maximum() const {
        return frames_in_mebibytes(maximum_mib == 0 ? memory_mib : maximum_mib);
    }
    [[nodiscard]] uint32_t most_vcpus() const { return std::max(vcpus, maximum_vcpus); }
    bool operator==(const DomainConfig &) const = default;
};

// What no key alone can say: names, sums, limits. The text names the key.
[[nodiscard]] Outcome<void> check_config(const DomainConfig &config);

[[nodiscard]] bool is_domain_name(std::string_view name);
[[nodiscard]] std::string domain_name_rule();

[[nodiscard]] nlohmann::json to_json(const DomainConfig &config);
[[nodiscard]] Outcome<DomainConfig> config_from_json(const nlohmann::json &json);

}  // namespace ringfold::tools
