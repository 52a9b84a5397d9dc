// SPDX-License-Identifier: Apache-2.0
//
// Consoles, log, counters, trace and registers.
#include "dom0-tools/library/calls.hpp"
#include "dom0-tools/library/hypervisor.hpp"

#include <algorithm>
#include <cstring>

namespace ringfold::tools {

namespace {

struct PartBuffer {
    ringfold_log_part head{};
    char text[RINGFOLD_LOG_PART_MAX]{};
};

Outcome<OutputPart> read_part(HypercallPort &port, HypercallRequest request) {
    PartBuffer buffer;
    request.data = calls::bytes_of(buffer);
    TRY(calls::issue(port, request));
    const uint64_t length = std::min<uint64_t>(buffer.head.length, sizeof buffer.text);
    return OutputPart{buffer.head.next - length, buffer.head.next, std::string(buffer.text, length)};
}

}  // namespace

Outcome<HypervisorVersion> Hypervisor::version() const {
    HypervisorVersion version;
    version.abi = static_cast<uint32_t>(TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_VERSION, 0, {0}, {}})));
    version.features = TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_VERSION, 0, {1}, {}}));
    version.build = TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_VERSION, 0, {2}, {}}));
    return version;
}

Outcome<ringfold_counters> Hypervisor::counters() const {
    ringfold_counters counters{};
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_COUNTERS_READ, 0b1, {0}, calls::bytes_of(counters)}));
    return counters;
}

Outcome<ringfold_counters> Hypervisor::counters_of(DomainId domain) const {
    ringfold_counters counters{};
    TRY(calls::issue(*port_,
                     {RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ, 0b10, {domain.raw(), 0}, calls::bytes_of(counters)}));
    return counters;
}

Outcome<ringfold_trace_status> Hypervisor::trace_status() const {
    ringfold_trace_status status{};
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_TRACE_STATUS_READ, 0b1, {0}, calls::bytes_of(status)}));
    return status;
}

Outcome<std::vector<ringfold_machine_range>> Hypervisor::machine_memory() const {
    std::vector<ringfold_machine_range> ranges;
    for (;;) {
        ringfold_machine_range some[32]{};
        const uint64_t count = TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_MACHINE_MEMORY_READ,
                                                         0b10,
                                                         {ranges.size(), 0, std::size(some)},
                                                         calls::bytes_of(some)}));
        ranges.insert(ranges.end(), some, some + std::min<uint64_t>(count, std::size(some)));
        if (count < std::size(some)) {
            return ranges;
        }
    }
}

Outcome<void> Hypervisor::press_debug_key(char key) const {
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_DEBUG_KEY, 0, {static_cast<unsigned char>(key)}, {}}));
    return {};
}

Outcome<OutputPart> Hypervisor::read_log(uint64_t position) const {
    return read_part(*port_, {RINGFOLD_HYPERCALL_LOG_READ, 0b10, {position, 0, RINGFOLD_LOG_PART_MAX}, {}});
}

Outcome<OutputPart> Hypervisor::read_console(DomainId domain, uint64_t position) const {
    return read_part(
        *port_,
        {RINGFOLD_HYPERCALL_DOMAIN_CONSOLE_READ, 0b100, {domain.raw(), position, 0, RINGFOLD_LOG_PART_MAX}, {}});
}

Outcome<std::size_t> Hypervisor::write_console(DomainId domain, std::string_view bytes) const {
    std::string copy{bytes.substr(0, RINGFOLD_CONSOLE_INPUT_MAX)};
    return std::size_t{TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_DOMAIN_CONSOLE_WRITE,
                                                 0b10,
                                                 {domain.raw(), 0, copy.size()},
                                                 std::as_writable_bytes(std::span{copy})}))};
}

Outcome<ringfold_vcpu_registers> Hypervisor::registers(DomainId domain, uint32_t vcpu) const {
    ringfold_vcpu_registers registers{};
    TRY(calls::issue_until_done(
        *port_, {RINGFOLD_HYPERCALL_VCPU_CONTEXT_GET, 0b100, {domain.raw(), vcpu, 0}, calls::bytes_of(registers)}));
    return registers;
}

Outcome<void> Hypervisor::set_registers(DomainId domain, uint32_t vcpu, ringfold_vcpu_registers registers) const {
    TRY(calls::issue_until_done(
        *port_, {RINGFOLD_HYPERCALL_VCPU_CONTEXT_SET, 0b100, {domain.raw(), vcpu, 0}, calls::bytes_of(registers)}));
    return {};
}

Outcome<void> Hypervisor::set_debug(DomainId domain, uint32_t mode) const {
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_DOMAIN_DEBUG_SET, 0, {domain.raw(), mode}, {}}));
    return {};
}

Outcome<ringfold_domain_schedule> Hypervisor::schedule(DomainId domain) const {
    ringfold_domain_schedule schedule{};
    TRY(calls::issue(*port_,
                     {RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_GET, 0b10, {domain.raw(), 0}, calls::bytes_of(schedule)}));
    return schedule;
}

Outcome<void> Hypervisor::set_schedule(DomainId domain, ringfold_domain_schedule schedule) const {
    TRY(calls::issue(*port_,
                     {RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, 0b10, {domain.raw(), 0}, calls::bytes_of(schedule)}));
    return {};
}

Outcome<ringfold_vcpu_schedule> Hypervisor::vcpu_schedule(DomainId domain, uint32_t vcpu) const {
    ringfold_vcpu_schedule schedule{};
    TRY(calls::issue(
        *port_, {RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET, 0b100, {domain.raw(), vcpu, 0}, calls::bytes_of(schedule)}));
    return schedule;
}

Outcome<void> Hypervisor::set_vcpu_schedule(DomainId domain, uint32_t vcpu, uint64_t affinity,
                                            uint64_t preferred) const {
    ringfold_vcpu_schedule schedule{.affinity = affinity, .preferred = preferred};
    TRY(calls::issue(
        *port_, {RINGFOLD_HYPERCALL_VCPU_SCHEDULE_SET, 0b100, {domain.raw(), vcpu, 0}, calls::bytes_of(schedule)}));
    return {};
}

Outcome<ringfold_pool_info> Hypervisor::pool(uint32_t number) const {
    ringfold_pool_info info{};
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_POOL_DESCRIBE, 0b10, {number, 0}, calls::bytes_of(info)}));
    return info;
}

Outcome<void> Hypervisor::move_cpu(uint32_t cpu, uint32_t pool) const {
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_POOL_CPU_MOVE, 0, {cpu, pool}, {}}));
    return {};
}

Outcome<void> Hypervisor::set_pool_mode(uint32_t pool, uint32_t mode) const {
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_POOL_MODE_SET, 0, {pool, mode}, {}}));
    return {};
}

}  // namespace ringfold::tools
