// SPDX-License-Identifier: Apache-2.0
//
// The other end of gdb's remote protocol (GDB manual, appendix "Remote Serial Protocol") for one guest: its vCPUs are
// threads (vCPU n is thread n + 1), its memory is what the vCPU's root maps. Breakpoints and watchpoints, of either
// kind, take the four debug registers that a vCPU has: those that the guest itself had set come back when gdb goes.
// When one vCPU stops, all do; when one is to go on, all do, too.
#pragma once

#include "dom0-tools/library/gdb_packet.hpp"
#include "dom0-tools/library/hypervisor.hpp"
#include "dom0-tools/library/linear_memory.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfold::tools {

class GdbStub {
  public:
    // Call attach() next.
    GdbStub(const Hypervisor &hypervisor, DomainId domain)
        : hypervisor_(hypervisor), domain_(domain), memory_(hypervisor, domain) {}
    GdbStub(const GdbStub &) = delete;
    GdbStub &operator=(const GdbStub &) = delete;
    ~GdbStub() { detach(); }

    // Stops the guest. busy: somebody else debugs it, or it does not run.
    [[nodiscard]] Outcome<void> attach();

    // What gdb sends.
    void receive(std::string_view bytes);
    // The guest may have stopped or ended.
    void look();
    // What is to be sent to gdb.
    [[nodiscard]] std::string take_output() { return std::exchange(output_, {}); }
    // gdb has gone, or the guest.
    [[nodiscard]] bool is_over() const { return over_; }

  private:
    struct Breakpoint {
        uint64_t address;
        uint32_t condition;  // as in DR7: 0 execute, 1 write, 3 read or write
        uint32_t length;     // bytes
        bool operator==(const Breakpoint &) const = default;
    };
    struct Thread {
        ringfold_vcpu_registers registers{};
        bool steps = false;  // when it goes on
    };
    // What the guest had in its debug registers before.
    struct Before {
        std::array<uint64_t, 4> addresses{};
        uint64_t control = 0;
    };

    void handle(const std::string &content);
    [[nodiscard]] std::string answer(std::string_view content);
    [[nodiscard]] std::string answer_query(std::string_view content);
    [[nodiscard]] std::string answer_resume(std::string_view actions);
    [[nodiscard]] std::string answer_features(std::string_view range) const;
    [[nodiscard]] std::string choose_thread(std::string_view content);
    [[nodiscard]] std::string read_registers() const;
    [[nodiscard]] std::string write_registers(std::string_view digits);
    [[nodiscard]] std::string read_memory(std::string_view range);
    [[nodiscard]] std::string write_memory(std::string_view content);
    [[nodiscard]] std::string change_breakpoint(std::string_view content, bool insert);
    [[nodiscard]] std::string stop_reply() const;
    [[nodiscard]] std::string thread_list() const;

    [[nodiscard]] Outcome<void> stop();
    [[nodiscard]] Outcome<void> read_threads();
    [[nodiscard]] Outcome<void> go_on();
    void load_breakpoints(Thread &thread) const;
    [[nodiscard]] std::optional<uint32_t> thread_in(std::string_view &text) const;
    [[nodiscard]] const Thread *current() const;
    void send(std::string_view content) { output_ += gdb_packet(content); }
    void end(std::string_view last_words);
    void detach();

    const Hypervisor &hypervisor_;
    DomainId domain_;
    LinearMemory memory_;
    GdbReader reader_;
    std::string output_;
    std::map<uint32_t, Thread> threads_;  // by vCPU; those that are online, while the guest is stopped
    std::map<uint32_t, Before> before_;   // by vCPU
    std::vector<Breakpoint> breakpoints_;
    uint32_t chosen_ = 0;   // the vCPU that registers and memory are about
    uint32_t stopped_ = 0;  // the one that stopped
    uint32_t reason_ = 0;   // its DR6; 0: it was told to stop
    uint32_t pauses_ = 0;   // of the domain that are the stub's
    bool attached_ = false;
    bool running_ = false;
    bool over_ = false;
};

}  // namespace ringfold::tools
