// SPDX-License-Identifier: Apache-2.0
//
// The commands of hvd's socket that have one answer, as README.md describes them: JSON in, JSON out.
#pragma once

#include "dom0-tools/hvd/supervisor.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace ringfold::tools {

using Answer = std::function<void(Outcome<nlohmann::json>)>;

class Commands {
  public:
    explicit Commands(Supervisor &supervisor) : supervisor_(&supervisor) {}

    // The answer may come later.
    void handle(const std::string &command, const nlohmann::json &arguments, const Answer &answer);
    // States have changed: answers whoever waited for that.
    void look_at_waiters();

  private:
    using Arguments = const nlohmann::json &;
    using Result = Outcome<nlohmann::json>;
    struct Row;
    struct Waiter {
        std::vector<std::pair<std::string, uint64_t>> lives;  // keys, and the life that is to be over
        Answer answer;
    };

    struct NamedDomain {
        std::string name;
        DomainId id;
    };

    Result run(const std::string &command, Arguments arguments);
    Outcome<GuestReference> guest_of(Arguments arguments) const;
    // busy: it has no domain now.
    Outcome<GuestReference> guest_with_domain(Arguments arguments) const;
    // The domain of that name; all of them if there is none.
    Outcome<std::vector<NamedDomain>> chosen(const std::optional<std::string> &wanted) const;

    void create(Arguments arguments, const Answer &answer);
    void dump_core(Arguments arguments, const Answer &answer);
    void wait(Arguments arguments, const Answer &answer);
    void trace_export(Arguments arguments, const Answer &answer);

    Result list(Arguments) const;
    Result describe(Arguments arguments) const;
    Result destroy(Arguments arguments);
    Result shutdown(Arguments arguments);
    Result system_request(Arguments arguments);
    Result give_order(Arguments arguments, uint32_t order);
    Result set_vcpus(Arguments arguments);
    Result pause(Arguments arguments);
    Result unpause(Arguments arguments);
    Result rename(Arguments arguments);
    Result vcpu_list(Arguments arguments) const;
    Result vcpu_pin(Arguments arguments);
    Result schedule(Arguments arguments);
    Result pool_list(Arguments) const;
    Result pool_cpus(Arguments arguments);
    Result pool_mode(Arguments arguments);
    Result set_memory(Arguments arguments);
    Result set_maximum(Arguments arguments);
    Result registers(Arguments arguments) const;
    Result block_list(Arguments arguments) const;
    Result block_attach(Arguments arguments);
    Result block_detach(Arguments arguments);
    Result block_reset(Arguments arguments);
    Result block_resize(Arguments arguments);
    Result network_list(Arguments arguments) const;
    Result network_attach(Arguments arguments);
    Result network_detach(Arguments arguments);
    Result network_reset(Arguments arguments);
    Result info(Arguments) const;
    Result stats(Arguments arguments) const;
    Result version(Arguments) const;
    Result debug_keys(Arguments arguments);
    Result trace_start(Arguments arguments);
    Result trace_status(Arguments) const;
    Result trace_stop(Arguments);
    Outcome<nlohmann::json> describe_tracer() const;

    Supervisor *supervisor_;
    std::vector<Waiter> waiters_;
};

}  // namespace ringfold::tools
