// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/dispatcher/checks.hpp"

#include "hypervisor/domain/audit.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/heap.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "tests/fuzz/dispatcher/machine.hpp"

#include <ringfold/hypercall.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <span>
#include <string>

namespace ringfold::fuzzed {

namespace {

constexpr std::array argument_registers{&EntryFrame::rdi, &EntryFrame::rsi, &EntryFrame::rdx,
                                        &EntryFrame::r10, &EntryFrame::r8,  &EntryFrame::r9};

// What a call that is refused for want of a right must leave alone: all accounting of memory, and the call buffer.
class State {
  public:
    void take(const Vcpu &caller) {
        bytes_.clear();
        append(&frame_table::at(MachineFrame{0}), ram_end.raw());
        const std::array counts{free_frame_count().raw(), heap_counters().objects};
        append(counts.data(), counts.size());
        caller.call_buffer.for_each_frame([this](MachineFrame frame) { append(pointer_to<char>(frame), page_size); });
    }
    [[nodiscard]] bool operator==(const State &other) const {
        return bytes_.size() == other.bytes_.size() &&
               std::memcmp(bytes_.data(), other.bytes_.data(), bytes_.size()) == 0;
    }

  private:
    template <typename T>
    void append(const T *from, std::size_t count) {
        const auto *bytes = reinterpret_cast<const char *>(from);
        bytes_.append(bytes, count * sizeof(T));
    }

    std::string bytes_;
};

// Of the call that is being checked. They stay, for it takes long to make room for them.
State state_before;
State state_after;

[[noreturn]] void found_in(const Call &call, int64_t status, uint64_t second, const char *what) {
    const std::string text =
        std::string{call.name} + " answers " + std::to_string(status) + ", " + std::to_string(second) + ": " + what;
    found(text.c_str());
}

// --- ports

// The other end of a connection is there, and says the same.
bool is_sound_connection(EventDomain &domain, Port port, const PortEntry &entry) {
    const PortEntry *const other = entry.remote->lock()->find_any(Port{entry.source});
    return other != nullptr && other->kind == PortKind::interdomain && other->connection == entry.connection &&
           other->remote == &domain && other->source == port.raw();
}

std::vector<std::pair<Port, PortEntry>> ports_of(EventDomain &domain) {
    auto state = domain.lock();
    std::vector<std::pair<Port, PortEntry>> ports;
    for (Port port = state->next(Port{1}); port != Port{0}; port = state->next(Port{port.raw() + 1})) {
        ports.emplace_back(port, *state->find_any(port));
    }
    require(ports.size() == state->limits().ports_bound, "as many ports are bound as are counted");
    return ports;
}

void check_ports(Domain &domain) {
    for (const auto &[port, entry] : ports_of(domain.events)) {
        require(entry.vcpu < domain.vcpu_count, "a port is served by a vCPU of its domain");
        require(!entry.reserved, "between two calls no port is half bound");
        require((entry.remote != nullptr) == (entry.kind == PortKind::interdomain), "a connection has an other end");
        if (entry.kind == PortKind::interdomain) {
            require(is_sound_connection(domain.events, port, entry), "both ends of a connection agree");
        }
    }
}

// --- grants

void check_borrowings(Domain &domain, std::set<const GrantDomain *> &granters) {
    auto borrowings = domain.grants.borrowings.lock();
    uint32_t count = 0;
    borrowings->for_each_use([&](const GrantUse &use) {
        ++count;
        granters.insert(&*use.granter());
    });
    require(count == borrowings->count(), "as many handles are there as are counted");
}

void check_grants() {
    std::set<const GrantDomain *> granters;
    domain_list::for_each_unlocked([&granters](Domain &domain) { check_borrowings(domain, granters); });
    domain_list::for_each_unlocked([&granters](Domain &domain) {
        const bool has_table = domain.state.load() != DomainState::dying;
        require(!has_table || (domain.grants.table.lock()->entries_used() != 0) == granters.contains(&domain.grants),
                "grant entries are in use exactly while somebody uses them");
    });
}

}  // namespace

uint64_t argument_of(const EntryFrame &frame, std::size_t index) { return frame.*argument_registers[index]; }
void set_argument(EntryFrame &frame, std::size_t index, uint64_t value) { frame.*argument_registers[index] = value; }

CallCheck::CallCheck(const Vcpu &caller, const EntryFrame &asked)
    : caller_(caller), asked_(asked), call_(find_call(asked.rax)) {
    if (call_ != nullptr && lacks_right()) {
        state_before.take(caller);
    }
}

bool CallCheck::lacks_right() const {
    const Rights rights = caller_.domain.rights;
    const bool is_of_another = asked_.rdi != RINGFOLD_DOMAIN_SELF && asked_.rdi != caller_.domain.id.raw();
    return !rights.includes(Rights{call_->right}) || (call_->right_for_another != 0 && is_of_another && fits() &&
                                                      !rights.includes(Rights{call_->right_for_another}));
}

bool CallCheck::fits() const {
    for (std::size_t index = 0; index < call_->arguments.size(); ++index) {
        const unsigned bits = call_->arguments[index].bits;
        if (bits < 64 && argument_of(asked_, index) >> bits != 0) {
            return false;
        }
    }
    return true;
}

void CallCheck::check(const EntryFrame &answered) const {
    EntryFrame kept = answered;
    kept.rax = asked_.rax;
    kept.rdx = asked_.rdx;
    require(std::memcmp(&kept, &asked_, sizeof kept) == 0, "all other registers are kept");
    const auto status = static_cast<int64_t>(answered.rax);
    if (call_ != nullptr) {
        check_answer(status, answered.rdx);
        return;
    }
    const bool is_gate_call = asked_.rax == RINGFOLD_GATE_INVALIDATE_PAGE;
    require(status == (is_gate_call ? 0 : -RINGFOLD_ENOSYS), "a number of no hypercall is refused");
    require(answered.rdx == 0, "a number of no hypercall has no second result");
}

void CallCheck::check_answer(int64_t status, uint64_t second) const {
    if (lacks_right()) {
        if (status != -RINGFOLD_EPERM || second != 0) {
            found_in(*call_, status, second, "the caller lacks the right");
        }
        state_after.take(caller_);
        require(state_after == state_before, "what is refused for want of a right changes nothing");
        return;
    }
    if (!fits()) {
        if (status != -RINGFOLD_ERANGE || second != 0) {
            found_in(*call_, status, second, "an argument has bits too many");
        }
        return;
    }
    check_documented(*call_, status, second);
    if (call_->second == Second::progress) {
        check_progress(status, second);
    }
}

// Of a call that counts elements.
void CallCheck::check_progress(int64_t status, uint64_t done) const {
    for (std::size_t index = 0; index < call_->arguments.size(); ++index) {
        const uint64_t count = argument_of(asked_, index);
        if (call_->arguments[index].kind == Kind::count && (done > count || (status == 0) != (done == count)) &&
            !(count == 0 && done == 0)) {
            found_in(*call_, status, done, "the progress is not that of its status");
        }
    }
}

void check_documented(const Call &call, int64_t status, uint64_t second) {
    if (status != 0 && std::find(call.errors.begin(), call.errors.end(), -status) == call.errors.end()) {
        found_in(call, status, second, "the table does not say so");
    }
    if (status == -RINGFOLD_EUCLEAN) {
        found_in(call, status, second, "the audit found something");
    }
    if (second != 0 && (call.second == Second::nothing || (call.second == Second::value && status != 0))) {
        found_in(call, status, second, "there is no second result");
    }
}

void check_accounting() {
    require(audit_machine() == 0, "the audit agrees");
    require(frame_allocator_is_consistent(), "the free frames are counted right");
    domain_list::for_each_unlocked(check_ports);
    check_grants();
}

}  // namespace ringfold::fuzzed
