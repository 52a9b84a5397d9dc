// SPDX-License-Identifier: Apache-2.0
//
// Looks after guests: makes them, keeps what they say, sees how they end and does what their configuration wants then.
// It knows nothing of sockets and threads; all of it runs in one thread, but for what `Environment::aside` carries
// elsewhere.
#pragma once

#include "dom0-tools/hvd/guest.hpp"
#include "dom0-tools/hvd/tracer.hpp"
#include "dom0-tools/library/guest_builder.hpp"

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

namespace ringfold::tools {

struct Environment {
    std::filesystem::path run_directory = "/run/ringfold";
    std::filesystem::path log_directory = "/var/log/ringfold";
    OutputLimits output_limits;
    uint64_t control_floor_mib = 128;  // the control domain keeps at least so much memory
    // Does work that takes long, perhaps in another thread, and `then` in this one.
    std::function<void(std::function<void()> work, std::function<void()> then)> aside;
    std::function<uint64_t()> monotonic_time;  // ns
    std::function<uint64_t()> time_stamp;      // the time-stamp counter
    std::function<std::string()> wall_time;    // "2026-01-31T12:34:56Z"
};

using GuestReference = std::shared_ptr<Guest>;
using Created = std::function<void(Outcome<GuestReference>)>;

struct CreateOptions {
    bool paused = false;
    bool throw_away = false;
};

class Supervisor {
  public:
    Supervisor(HypercallPort &port, Environment environment);

    // Takes up what an earlier hvd left: guests, logs, what was half done.
    Outcome<void> start();
    // What the hypervisor told: RINGFOLD_VIRTUAL_IRQ_*.
    void handle_interrupts(std::span<const uint32_t> numbers);
    // Tries again what had to wait for others, and looks at a trace that fills slowly. Whether there is more to try.
    bool retry();

    void create(const DomainConfig &config, CreateOptions options, Created done);
    Outcome<void> destroy(const GuestReference &guest);
    // The client of a throw-away guest is gone: nothing of the guest stays.
    void throw_away(const std::string &key);
    Outcome<void> shut_down(const GuestReference &guest, uint32_t reason);
    // Tells the guest, which may or may not listen: RINGFOLD_ORDER_*.
    Outcome<void> give_order(const GuestReference &guest, uint32_t order, uint32_t argument);
    // Tells a guest, or the control domain's kernel, how much memory to have. usage: less or more than it can have;
    // memory: the machine has not so much more.
    Outcome<void> set_memory(const GuestReference &guest, uint64_t mebibytes);
    Outcome<void> set_control_memory(uint64_t mebibytes);
    Outcome<void> pause(const GuestReference &guest);
    Outcome<void> unpause(const GuestReference &guest);
    Outcome<void> attach(const GuestReference &guest, const DiskConfig &disk);
    Outcome<void> detach(const GuestReference &guest, uint32_t number, bool force);
    Outcome<void> attach(const GuestReference &guest, const NetworkConfig &network);
    Outcome<void> detach_network(const GuestReference &guest, uint32_t number, bool force);
    Outcome<void> rename(const GuestReference &guest, const std::string &name);
    // What the guest's console has no room for stays in `typed`. One that cannot be typed to any more, or nobody, takes
    // all.
    void type(const GuestReference &guest, std::string &typed) const;
    // A client begins or ends to debug it, with breakpoints of its own in the vCPUs' registers.
    void set_debugged(Guest &guest, bool debugged);
    // As Tracer::start(), with the names of the domains that there are.
    Outcome<void> start_trace(uint32_t classes, std::size_t limit);
    Outcome<void> stop_trace();

    // By name or number.
    [[nodiscard]] Outcome<GuestReference> find(const std::string &name) const;
    // The same: whether it is the control domain.
    [[nodiscard]] bool is_control(const std::string &name) const;
    [[nodiscard]] const std::map<std::string, GuestReference> &guests() const { return guests_; }
    [[nodiscard]] const Hypervisor &hypervisor() const { return hypervisor_; }
    [[nodiscard]] const Environment &environment() const { return environment_; }
    [[nodiscard]] const OutputLog &log() const { return *log_; }
    [[nodiscard]] const OutputLog &events() const { return *events_; }
    [[nodiscard]] const ringfold_domain_info &self() const { return self_; }
    [[nodiscard]] Tracer &tracer() { return tracer_; }

    // Reads what is new in the log: after a debug key, before its lines are wanted.
    void read_log();
    void note(const std::string &event, const Guest *guest, nlohmann::json more = nlohmann::json::object());

    // Somebody may want to look again: output or state have changed.
    std::function<void()> changed = [] {};

  private:
    [[nodiscard]] std::string file_time() const;
    Outcome<void> open_logs();
    Outcome<void> bind_interrupts();
    void take_up(const DomainInfos &domains);
    void take_up_guest(const GuestReference &guest, const DomainInfos &domains);
    void remove_breakpoints(Guest &guest, uint32_t vcpus);
    void restore_pause(Guest &guest, const ringfold_domain_info &info);
    void adopt(const ringfold_domain_info &info);
    Outcome<void> look_at_domains(bool consoles, bool states);
    void look_at_states(const DomainInfos &domains);
    void look_at(const GuestReference &guest, const ringfold_domain_info *info);
    void ended(const GuestReference &guest, const ringfold_domain_info &info);
    void keep_core(const GuestReference &guest, const std::filesystem::path &path, EndAction action);
    void act_on_end(const GuestReference &guest, EndAction action);
    void read_consoles(const DomainInfos &domains);
    void read_console(Guest &guest);
    Outcome<void> open_console(Guest &guest);
    [[nodiscard]] Outcome<void> check_free_memory(FrameCount wanted) const;
    Outcome<void> claim_up_to(const Guest &guest, FrameCount wanted);
    Outcome<void> prepare_directory(Guest &guest);
    void build(const GuestReference &guest, bool paused, Created done);
    Outcome<void> bring_up(const GuestReference &guest, BuiltGuest built, bool paused);
    Outcome<void> set_parameters(const Guest &guest) const;
    void restart(const GuestReference &guest);
    bool finish_end(const GuestReference &guest);
    void forget(const GuestReference &guest);
    void prune_directories();
    void save(const Guest &guest);

    Hypervisor hypervisor_;
    Environment environment_;
    Tracer tracer_;
    GuestRecords records_;
    std::map<std::string, GuestReference> guests_;  // by key
    std::optional<OutputLog> log_;
    std::optional<OutputLog> events_;
    ringfold_domain_info self_{};
};

// Interfaces without an address get one that is made of the guest's name.
void give_addresses(const std::string &guest, std::vector<NetworkConfig> &networks);

[[nodiscard]] std::string_view shutdown_reason_name(uint32_t reason);

// Reads the files of a configuration and builds its domain; what it reports names the file.
[[nodiscard]] Outcome<BuiltGuest> build_from_files(const Hypervisor &hypervisor, const DomainConfig &config);

}  // namespace ringfold::tools
