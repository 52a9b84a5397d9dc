// SPDX-License-Identifier: Apache-2.0
//
// A guest that hvd looks after. It lives through restarts: each life is a domain of its own. What must survive hvd is
// written to a record under /run/ringfold/guests, before it is acted on.
#pragma once

#include "dom0-tools/hvd/output_log.hpp"
#include "dom0-tools/library/domain_config.hpp"
#include "dom0-tools/library/physical_map.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ringfold::tools {

enum class Phase {
    building,    // has no domain yet, or one that was not started
    running,     // its domain was started
    ended,       // its domain has ended and is kept to be looked at
    restarting,  // its domain is to be destroyed, then built again
    dying,       // its domain is to be destroyed
};

[[nodiscard]] std::string_view name_of(Phase phase);
[[nodiscard]] std::optional<Phase> phase_named(std::string_view name);

struct Guest {
    std::string key;  // names its record and its folder of logs; never changes
    std::string name;
    DomainId id;  // 0: none
    Phase phase = Phase::building;
    uint64_t life = 1;
    uint64_t quick_ends = 0;             // lives in a row that were over at once
    uint64_t started = 0;                // ns of the monotonic clock
    bool paused = false;                 // by the user
    bool debugged = false;               // by a client of this hvd
    bool throw_away = false;             // goes with the client that made it, and its logs with it
    std::optional<DomainConfig> config;  // nothing: hvd did not make it, and cannot start it again
    std::filesystem::path directory;     // its logs
    std::optional<OutputLog> console;    // of this life
    std::string terminal;                // path of one that is its console; empty: there is none
    std::vector<uint64_t> frames;        // machine frames as they were built
    MapPlace map;                        // of those that it has now
    FrameCount memory_target;            // what it was told to have; 0: nothing

    [[nodiscard]] bool has_domain() const { return id.raw() != 0; }
    [[nodiscard]] std::string console_stem() const { return "console-" + std::to_string(life); }
};

// busy: it is being built.
[[nodiscard]] Outcome<void> need_domain(const Guest &guest);
// busy: it is in another phase.
[[nodiscard]] Outcome<void> need_running(const Guest &guest);

// The records, a file each.
class GuestRecords {
  public:
    explicit GuestRecords(std::filesystem::path directory) : directory_(std::move(directory)) {}

    Outcome<void> save(const Guest &guest) const;
    void remove(const Guest &guest) const;
    Outcome<void> save_frames(const Guest &guest) const;
    [[nodiscard]] std::vector<uint64_t> load_frames(const Guest &guest) const;
    // Removes what an hvd that was killed has left in the middle of writing or removing a record.
    void sweep() const;
    // What cannot be read is told by `damaged`, not lost.
    [[nodiscard]] std::vector<Guest> load(std::vector<Failure> &damaged) const;

  private:
    [[nodiscard]] std::filesystem::path path_of(const Guest &guest, const char *suffix) const;

    std::filesystem::path directory_;
};

// Whole or not at all, also when the machine or the process dies.
Outcome<void> write_file(const std::filesystem::path &path, std::string_view content);

}  // namespace ringfold::tools
