// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/tests/fake_hypervisor.hpp"

#include "hypervisor/mm/entry.hpp"

#include <ringfold/console.h>
#include <ringfold/event.h>
#include <ringfold/hypercall_numbers.h>
#include <ringfold/platform.h>

#include <algorithm>
#include <cstring>

namespace ringfold::tools {

namespace {

template <typename T>
T read(std::span<const std::byte> data, std::size_t offset = 0) {
    T value;
    std::memcpy(&value, data.data() + offset, sizeof value);
    return value;
}

ringfold_domain_info info_of(const FakeDomain &domain) {
    ringfold_domain_info info = domain.info;
    info.console_written = domain.console.size();
    return info;
}

template <typename T>
HypercallAnswer write(std::span<std::byte> data, const T &value, uint64_t result = 0) {
    if (data.size() < sizeof value) {
        return {-RINGFOLD_EFAULT, 0};
    }
    std::memcpy(data.data(), &value, sizeof value);
    return {0, result};
}

// The answer of log_read and domain_console_read, of what is left of `all`.
HypercallAnswer write_part(std::span<std::byte> data, const std::string &all, std::size_t capacity, uint64_t position,
                           uint64_t length) {
    const uint64_t oldest = all.size() > capacity ? all.size() - capacity : 0;
    const uint64_t begin = std::clamp<uint64_t>(position, oldest, all.size());
    const std::string text = all.substr(begin, length);
    if (length > RINGFOLD_LOG_PART_MAX || data.size() < sizeof(ringfold_log_part) + length) {
        return {length > RINGFOLD_LOG_PART_MAX ? -RINGFOLD_ERANGE : -RINGFOLD_EFAULT, 0};
    }
    const ringfold_log_part part{begin + text.size(), text.size()};
    std::memcpy(data.data(), &part, sizeof part);
    std::memcpy(data.data() + sizeof part, text.data(), text.size());
    return {0, text.size()};
}

bool is_printable_name(const char (&name)[RINGFOLD_DOMAIN_NAME_SIZE]) {
    const std::size_t length = strnlen(name, sizeof name);
    return length > 0 && length < sizeof name &&
           std::all_of(name, name + length, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

FakeHypervisor::FakeHypervisor(uint64_t free_frames) {
    for (uint64_t frame = 0; frame < free_frames; ++frame) {
        free_machine_frames.insert(0x1'0000 + frame);
    }
    FakeDomain &control = domains[1];
    control.info.domain = 1;
    control.info.state = RINGFOLD_DOMAIN_RUNNING;
    control.info.rights = RINGFOLD_RIGHTS_ALL;
    control.info.vcpu_count = control.info.vcpus_online = 1;
    control.info.maximum_frames = control.info.owned_frames = 0x10000;
    std::strcpy(control.info.name, "dom0");
    control.vcpus[0] = {1, 1, 0, 0};
}

FakeDomain *FakeHypervisor::find(uint64_t id) {
    const auto found = domains.find(static_cast<uint16_t>(id == RINGFOLD_DOMAIN_SELF ? 1 : id));
    return found == domains.end() ? nullptr : &found->second;
}

bool FakeHypervisor::preempted() { return preempt_every != 0 && ++preemptible_calls_ % preempt_every == 0; }

Outcome<HypercallAnswer> FakeHypervisor::request(const HypercallRequest &request) {
    if (fail) {
        if (const int64_t status = fail(request.number); status != 0) {
            return HypercallAnswer{status, 0};
        }
    }
    return answer(request.number, request.arguments, request.data);
}

HypercallAnswer FakeHypervisor::answer(uint32_t number, const Arguments &arguments, Data data) {
    switch (number) {
        case RINGFOLD_HYPERCALL_VERSION:
            return {0, std::array<uint64_t, 3>{RINGFOLD_ABI_VERSION, 8, 0x0123'4567'89ab'cdef}[arguments[0]]};
        case RINGFOLD_HYPERCALL_COUNTERS_READ: {
            ringfold_counters counters{};
            counters.hypercalls[RINGFOLD_HYPERCALL_DOMAIN_CREATE] = 7;
            counters.vcpu_switches = 99;
            counters.free_frames = unclaimed();
            return write(data, counters);
        }
        case RINGFOLD_HYPERCALL_LOG_READ:
            return write_part(data, log, 65536, arguments[0], arguments[2]);
        case RINGFOLD_HYPERCALL_TRACE_STATUS_READ: {
            ringfold_trace_status status{};
            status.domain = traced.domain;
            status.classes = traced.classes;
            status.cpus = static_cast<uint32_t>(traced.rings.size());
            status.frames = traced.frames;
            return write(data, status);
        }
        case RINGFOLD_HYPERCALL_DEBUG_KEY:
            if (arguments[0] != 'h') {
                return {-RINGFOLD_ENOENT, 0};
            }
            pressed_keys += 'h';
            write_log("key h\n");
            return {};
        case RINGFOLD_HYPERCALL_POOL_DESCRIBE:
            return write(data, pools.at(arguments[0]));
        case RINGFOLD_HYPERCALL_POOL_CPU_MOVE:
            return move_cpu(uint64_t{1} << arguments[0], pools.at(arguments[1]));
        case RINGFOLD_HYPERCALL_POOL_MODE_SET:
            if (pools.at(arguments[0]).domains != 0) {
                return {-RINGFOLD_EBUSY, 0};
            }
            pools.at(arguments[0]).mode = static_cast<uint32_t>(arguments[1]);
            return {};
        case RINGFOLD_HYPERCALL_MACHINE_MEMORY_READ:
            return arguments[0] > 0 ? HypercallAnswer{}
                                    : write(data, ringfold_machine_range{0, uint64_t{1} << 30, 1, 0}, 1);
        case RINGFOLD_HYPERCALL_DOMAIN_LIST:
            return list(arguments[0], arguments[2], data);
        case RINGFOLD_HYPERCALL_DOMAIN_CREATE:
            return create(data);
        case RINGFOLD_HYPERCALL_DOMAIN_DESTROY:
            return destroy(static_cast<uint16_t>(arguments[0]));
        default: {
            FakeDomain *domain = find(arguments[0]);
            return domain == nullptr ? HypercallAnswer{-RINGFOLD_ENOENT, 0}
                                     : of_domain(number, *domain, arguments, data);
        }
    }
}

// A cursor is the number to go on from.
HypercallAnswer FakeHypervisor::list(uint64_t cursor, uint64_t count, Data data) {
    if (data.size() < count * sizeof(ringfold_domain_info)) {
        return {-RINGFOLD_EFAULT, 0};
    }
    auto domain = domains.lower_bound(static_cast<uint16_t>(cursor));
    for (; count > 0 && domain != domains.end(); ++domain, --count) {
        (void)write(data, info_of(domain->second));
        data = data.subspan(sizeof(ringfold_domain_info));
    }
    if (count > 0) {
        (void)write(data, ringfold_domain_info{});
        return {};
    }
    return {0, domain == domains.end() ? uint64_t{UINT16_MAX} : domain->first};
}

// Pool 0 keeps one.
HypercallAnswer FakeHypervisor::move_cpu(uint64_t bit, ringfold_pool_info &to) {
    for (ringfold_pool_info &pool : pools) {
        if ((pool.cpus & bit) != 0 && &pool == pools.data() && pool.cpus == bit) {
            return {-RINGFOLD_EBUSY, 0};
        }
        pool.cpus &= ~bit;
    }
    to.cpus |= bit;
    return {};
}

HypercallAnswer FakeHypervisor::create(Data data) {
    const auto configuration = read<ringfold_domain_configuration>(data);
    if (!is_printable_name(configuration.name) || configuration.flags > RINGFOLD_DOMAIN_FLAGS_ALL) {
        return {-RINGFOLD_EINVAL, 0};
    }
    if (configuration.vcpu_count < 1 || configuration.vcpu_count > RINGFOLD_MAX_VCPUS ||
        configuration.maximum_frames < 1 || configuration.first_cpu > 63) {
        return {-RINGFOLD_ERANGE, 0};
    }
    uint16_t id = 1;
    while (domains.contains(id)) {
        ++id;
    }
    FakeDomain &domain = domains[id];
    domain.info.domain = id;
    domain.info.state = RINGFOLD_DOMAIN_BUILDING;
    domain.info.maximum_frames = configuration.maximum_frames;
    domain.info.vcpu_count = configuration.vcpu_count;
    std::memcpy(domain.info.name, configuration.name, sizeof domain.info.name);
    for (uint32_t vcpu = 0; vcpu < configuration.vcpu_count; ++vcpu) {
        domain.vcpus[vcpu] = {3, 3, (configuration.first_cpu + vcpu) % 2, 0};
    }
    return {0, id};
}

HypercallAnswer FakeHypervisor::destroy(uint16_t id) {
    FakeDomain *domain = find(id);
    if (domain == nullptr || id == 1) {
        return {domain == nullptr ? -RINGFOLD_ENOENT : -RINGFOLD_EINVAL, 0};
    }
    domain->info.state = RINGFOLD_DOMAIN_DYING;
    if (preempted()) {
        return {-RINGFOLD_EAGAIN, 0};
    }
    if (domain->held) {
        return {-RINGFOLD_EBUSY, 1};
    }
    for (const auto &[frame, page] : domain->frames) {
        free_machine_frames.insert(frame);
    }
    domains.erase(id);
    raised_.insert(RINGFOLD_VIRTUAL_IRQ_DOMAIN_STATE);
    return {};
}

uint64_t FakeHypervisor::unclaimed() const {
    uint64_t free = free_machine_frames.size();
    for (const auto &[id, domain] : domains) {
        free -= domain.claimed;
    }
    return free;
}

HypercallAnswer FakeHypervisor::claim(FakeDomain &domain, uint64_t count) const {
    if (count > domain.info.maximum_frames - domain.info.owned_frames) {
        return {-RINGFOLD_ERANGE, 0};
    }
    if (count > unclaimed() + domain.claimed) {
        return {-RINGFOLD_ENOMEM, 0};
    }
    domain.claimed = count;
    return {};
}

HypercallAnswer FakeHypervisor::populate(FakeDomain &domain, uint64_t count, uint64_t order, Data data) {
    const uint64_t size = uint64_t{1} << order;
    if (count > 512 || data.size() < count * sizeof(uint64_t)) {
        return {count > 512 ? -RINGFOLD_ERANGE : -RINGFOLD_EFAULT, 0};
    }
    for (uint64_t index = 0; index < count; ++index) {
        if (preempted()) {
            return {-RINGFOLD_EAGAIN, index};
        }
        // From the top, so that machine frames do not look like pseudo-physical ones.
        if (domain.info.owned_frames + size > domain.info.maximum_frames || unclaimed() + domain.claimed < size) {
            return {-RINGFOLD_ENOMEM, index};
        }
        domain.claimed -= std::min(domain.claimed, size);
        const uint64_t first = *free_machine_frames.rbegin() - (size - 1);
        const uint64_t physical = read<uint64_t>(data, index * sizeof(uint64_t));
        for (uint64_t frame = 0; frame < size; ++frame) {
            if (free_machine_frames.erase(first + frame) == 0) {
                std::abort();  // the model hands out from the top only
            }
            domain.frames[first + frame] = {};
            domain.physical_frames[first + frame] = physical + frame;
        }
        domain.info.owned_frames += size;
        std::memcpy(data.data() + index * sizeof first, &first, sizeof first);
    }
    return {0, count};
}

HypercallAnswer FakeHypervisor::tell_types(const FakeDomain &domain, uint64_t count, Data data) {
    if (count > RINGFOLD_DOMAIN_FRAME_TYPES_MAX || data.size() < count * sizeof(uint64_t)) {
        return {count > RINGFOLD_DOMAIN_FRAME_TYPES_MAX ? -RINGFOLD_ERANGE : -RINGFOLD_EFAULT, 0};
    }
    for (uint64_t index = 0; index < count; ++index) {
        const auto frame = read<uint64_t>(data, index * sizeof(uint64_t));
        if (preempted()) {
            return {-RINGFOLD_EAGAIN, index};
        }
        if (!domain.frames.contains(frame)) {
            return {-RINGFOLD_EFAULT, index};
        }
        const auto table = domain.tables.find(frame);
        const uint64_t type =
            table == domain.tables.end() ? RINGFOLD_FRAME_WRITABLE : RINGFOLD_FRAME_L1 - 1 + table->second;
        std::memcpy(data.data() + index * sizeof type, &type, sizeof type);
    }
    return {};
}

namespace {

void note_tables(FakeDomain &domain, uint64_t table, unsigned level) {
    domain.tables[table] = level;
    for (uint64_t index = 0; level > 1 && index < table_entries; ++index) {
        const Entry entry{read<uint64_t>(domain.frames.at(table), index * sizeof(uint64_t))};
        if (entry.present() && !entry.is_leaf(static_cast<Level>(level))) {
            note_tables(domain, entry.frame().raw(), level - 1);
        }
    }
}

}  // namespace

HypercallAnswer FakeHypervisor::start(FakeDomain &domain, const Arguments &arguments, Data data) {
    if (domain.info.state != RINGFOLD_DOMAIN_BUILDING) {
        return {-RINGFOLD_EBUSY, 0};
    }
    domain.context = read<ringfold_vcpu_context>(data);
    domain.hypercall_return = arguments[2];
    if (!domain.frames.contains(domain.context.root) || !domain.frames.contains(domain.context.vcpu_page)) {
        return {-RINGFOLD_EFAULT, 0};
    }
    if (preempted()) {
        return {-RINGFOLD_EAGAIN, 0};
    }
    note_tables(domain, domain.context.root, 4);
    domain.info.state = RINGFOLD_DOMAIN_RUNNING;
    domain.info.vcpus_online = 1;
    return {};
}

namespace {

ringfold_vcpu_registers first_registers(const ringfold_vcpu_context &context) {
    ringfold_vcpu_registers registers{};
    registers.rip = context.rip;
    registers.rsp = context.rsp;
    registers.rflags = 0x202;
    registers.cs = RINGFOLD_KERNEL_CS;
    registers.debug_control = 0x400;
    registers.root = context.root;
    registers.vcpu_page = context.vcpu_page;
    return registers;
}

}  // namespace

HypercallAnswer FakeHypervisor::of_domain(uint32_t number, FakeDomain &domain, const Arguments &arguments, Data data) {
    switch (number) {
        case RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE:
            return write(data, info_of(domain));
        case RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ: {
            ringfold_counters counters{};
            counters.hypercalls[RINGFOLD_HYPERCALL_YIELD] = domain.info.domain;
            counters.run_time = 1000;
            return write(data, counters);
        }
        case RINGFOLD_HYPERCALL_DOMAIN_CLAIM:
            return claim(domain, arguments[1]);
        case RINGFOLD_HYPERCALL_DOMAIN_POPULATE:
            return populate(domain, arguments[2], arguments[3], data);
        case RINGFOLD_HYPERCALL_DOMAIN_FRAME_TYPES:
            return tell_types(domain, arguments[2], data);
        case RINGFOLD_HYPERCALL_DOMAIN_START:
            return start(domain, arguments, data);
        case RINGFOLD_HYPERCALL_DOMAIN_SHUTDOWN:
            if (domain.info.state == RINGFOLD_DOMAIN_RUNNING) {
                end(static_cast<uint16_t>(domain.info.domain), static_cast<uint32_t>(arguments[1]),
                    static_cast<uint32_t>(arguments[2]));
            }
            return {};
        case RINGFOLD_HYPERCALL_DOMAIN_PAUSE:
            if (domain.info.state > RINGFOLD_DOMAIN_RUNNING) {
                return {-RINGFOLD_EBUSY, 0};
            }
            domain.info.pauses += arguments[1] == 0 ? 1 : 0;
            return preempted() ? HypercallAnswer{-RINGFOLD_EAGAIN, 1} : HypercallAnswer{};
        case RINGFOLD_HYPERCALL_DOMAIN_UNPAUSE:
            return domain.info.pauses == 0 ? HypercallAnswer{-RINGFOLD_EINVAL, 0}
                                           : HypercallAnswer{0, --domain.info.pauses};
        case RINGFOLD_HYPERCALL_DOMAIN_MAXIMUM_SET:
            domain.info.maximum_frames = arguments[1];
            return {};
        case RINGFOLD_HYPERCALL_DOMAIN_CONSOLE_READ:
            return write_part(data, domain.console, console_capacity, arguments[1], arguments[3]);
        case RINGFOLD_HYPERCALL_DOMAIN_CONSOLE_WRITE: {
            const uint64_t taken = std::min<uint64_t>(arguments[2], 512 - std::min<uint64_t>(domain.input.size(), 512));
            domain.input.append(reinterpret_cast<const char *>(data.data()), taken);
            return {0, taken};
        }
        case RINGFOLD_HYPERCALL_VCPU_CONTEXT_GET: {
            if (domain.info.pauses == 0 || domain.info.state > RINGFOLD_DOMAIN_RUNNING) {
                return {-RINGFOLD_EBUSY, 0};
            }
            if (arguments[1] >= domain.info.vcpus_online) {
                return {-RINGFOLD_ENOENT, 0};
            }
            const auto [known, is_new] = domain.registers.try_emplace(static_cast<uint32_t>(arguments[1]));
            if (is_new) {
                known->second = first_registers(domain.context);
            }
            return write(data, known->second);
        }
        case RINGFOLD_HYPERCALL_VCPU_CONTEXT_SET:
            if (domain.info.pauses == 0) {
                return {-RINGFOLD_EBUSY, 0};
            }
            domain.registers[static_cast<uint32_t>(arguments[1])] = read<ringfold_vcpu_registers>(data);
            domain.registers[static_cast<uint32_t>(arguments[1])].debug_status = 0;
            return {};
        case RINGFOLD_HYPERCALL_DOMAIN_DEBUG_SET:
            domain.debug = static_cast<uint32_t>(arguments[1]);
            return {};
        case RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_GET:
            return write(data, domain.schedule);
        case RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET: {
            const auto wanted = read<ringfold_domain_schedule>(data);
            if (wanted.weight < 1 || wanted.weight > RINGFOLD_WEIGHT_MAX || wanted.cap > RINGFOLD_CAP_MAX) {
                return {-RINGFOLD_ERANGE, 0};
            }
            domain.schedule = wanted;
            return {};
        }
        case RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET:
        case RINGFOLD_HYPERCALL_VCPU_SCHEDULE_SET: {
            const auto vcpu = domain.vcpus.find(static_cast<uint32_t>(arguments[1]));
            if (vcpu == domain.vcpus.end()) {
                return {-RINGFOLD_ENOENT, 0};
            }
            if (number == RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET) {
                return write(data, vcpu->second);
            }
            const auto wanted = read<ringfold_vcpu_schedule>(data);
            if ((wanted.affinity & 3) == 0 || (wanted.preferred & 3) == 0 || wanted.cpu != 0) {
                return {-RINGFOLD_EINVAL, 0};
            }
            vcpu->second = wanted;
            return {};
        }
        default:
            return {-RINGFOLD_ENOSYS, 0};
    }
}

Outcome<void> FakeHypervisor::copy(DomainId id, CopyDirection direction, std::span<const uint64_t> frames,
                                   std::span<std::byte> data) {
    FakeDomain *domain = find(id.raw());
    if (fail_copy && fail_copy(copies)) {
        return Failure{Kind::failed, "a copy that was to fail"};
    }
    ++copies;
    for (std::size_t index = 0; index < frames.size(); ++index) {
        if (domain == nullptr || !domain->frames.contains(frames[index])) {
            return Failure{Kind::failed, "a frame that is not the domain's"};
        }
        auto &page = domain->frames[frames[index]];
        const auto bytes = data.subspan(index * page_size, page_size);
        if (direction == CopyDirection::in) {
            std::copy(bytes.begin(), bytes.end(), page.begin());
        } else {
            std::copy(page.begin(), page.end(), bytes.begin());
        }
    }
    return {};
}

Outcome<void> FakeHypervisor::bind_virtual_irq(uint32_t irq) {
    if (!bound.insert(irq).second) {
        return Failure{Kind::exists, "bound already"};
    }
    return {};
}

Outcome<ControlPlace> FakeHypervisor::open_devices(DomainId domain) {
    if (!serves_devices) {
        return Failure{Kind::unsupported, "no devices"};
    }
    if (added_disks.contains(domain.raw())) {
        return Failure{Kind::exists, "it has a control page"};
    }
    added_disks[domain.raw()];
    return ControlPlace{.reference = 100U + domain.raw(), .port = 200U + domain.raw()};
}

Outcome<void> FakeHypervisor::add_disk(DomainId domain, const DiskConfig &disk) {
    const auto found = added_disks.find(domain.raw());
    if (found == added_disks.end() || disk.target == "/dev/busy") {
        return Failure{found == added_disks.end() ? Kind::not_found : Kind::busy, disk.target};
    }
    found->second.push_back(disk);
    return {};
}

template <typename Device>
Outcome<void> FakeHypervisor::remove(std::vector<Device> &all, uint32_t number, bool force) const {
    const auto found = std::ranges::find(all, number, &Device::number);
    if (found == all.end()) {
        return Failure{Kind::not_found, "there is no such device"};
    }
    if (guests_let_go || force) {
        all.erase(found);
    }
    return {};
}

Outcome<void> FakeHypervisor::remove_disk(DomainId domain, uint32_t number, bool force) {
    return remove(added_disks[domain.raw()], number, force);
}

template <typename Device>
Outcome<void> FakeHypervisor::reset(const std::vector<Device> &all, const std::string &kind, uint32_t number) {
    if (std::ranges::find(all, number, &Device::number) == all.end()) {
        return Failure{Kind::not_found, "there is no such device"};
    }
    resets.push_back(kind + " " + std::to_string(number));
    return {};
}

Outcome<void> FakeHypervisor::reset_disk(DomainId domain, uint32_t number) {
    return reset(added_disks[domain.raw()], "disk", number);
}

Outcome<uint64_t> FakeHypervisor::resize_disk(DomainId domain, uint32_t number) {
    const std::vector<DiskConfig> &all = added_disks[domain.raw()];
    if (std::ranges::find(all, number, &DiskConfig::number) == all.end()) {
        return Failure{Kind::not_found, "there is no such device"};
    }
    return (uint64_t{number} + 1) << 20;
}

Outcome<std::vector<DiskState>> FakeHypervisor::disks(DomainId domain) {
    std::vector<DiskState> states;
    for (const DiskConfig &disk : added_disks[domain.raw()]) {
        states.push_back({.number = disk.number, .read_only = disk.read_only, .state = "connected"});
    }
    return states;
}

Outcome<void> FakeHypervisor::add_network(DomainId domain, const NetworkConfig &network) {
    if (!added_disks.contains(domain.raw()) || network.bridge == "nowhere") {
        return Failure{Kind::not_found, network.bridge};
    }
    added_networks[domain.raw()].push_back(network);
    return {};
}

Outcome<void> FakeHypervisor::remove_network(DomainId domain, uint32_t number, bool force) {
    return remove(added_networks[domain.raw()], number, force);
}

Outcome<void> FakeHypervisor::reset_network(DomainId domain, uint32_t number) {
    return reset(added_networks[domain.raw()], "network", number);
}

Outcome<std::vector<NetworkState>> FakeHypervisor::networks(DomainId domain) {
    std::vector<NetworkState> states;
    for (const NetworkConfig &network : added_networks[domain.raw()]) {
        states.push_back({.number = network.number, .state = "connected", .bridge = network.bridge});
    }
    return states;
}

Outcome<void> FakeHypervisor::give_order(DomainId domain, uint32_t order, uint32_t argument) {
    if (!added_disks.contains(domain.raw())) {
        return Failure{Kind::not_found, "it has no control page"};
    }
    orders.push_back({domain.raw(), order, argument});
    return {};
}

Outcome<ControlMemory> FakeHypervisor::control_memory() { return own_memory; }

Outcome<void> FakeHypervisor::set_control_memory(FrameCount target) {
    own_memory.target = target;
    return {};
}

Outcome<void> FakeHypervisor::close_devices(DomainId domain) {
    added_disks.erase(domain.raw());
    added_networks.erase(domain.raw());
    return {};
}

// Rings in the memory of the model, which outlives it.
class FakeTraceRings final : public TraceRings {
  public:
    explicit FakeTraceRings(FakeTrace &traced) : traced_(traced) {}
    FakeTraceRings(const FakeTraceRings &) = delete;
    FakeTraceRings &operator=(const FakeTraceRings &) = delete;
    ~FakeTraceRings() override { end(); }
    [[nodiscard]] std::span<const std::byte> ring(uint32_t cpu) const override {
        return std::as_bytes(std::span{traced_.pages[cpu]});
    }
    [[nodiscard]] uint32_t cpus() const override { return static_cast<uint32_t>(traced_.rings.size()); }
    Outcome<void> stop() override {
        end();
        return {};
    }

  private:
    void end() {
        traced_.domain = 0;
        traced_.classes = traced_.frames = 0;
    }

    FakeTrace &traced_;
};

Outcome<std::unique_ptr<TraceRings>> FakeHypervisor::start_trace(uint32_t classes, uint32_t pages) {
    if (!has_trace_memory || traced.domain != 0) {
        return Failure{has_trace_memory ? Kind::busy : Kind::unsupported, "no trace"};
    }
    traced.domain = 1;
    traced.classes = classes;
    traced.frames = pages;
    for (uint32_t cpu = 0; cpu < traced.rings.size(); ++cpu) {
        traced.pages[cpu].assign(pages, {});
        traced.rings[cpu].emplace();
        for (trace::Ring::Page &page : traced.pages[cpu]) {
            traced.rings[cpu]->add(&page);
        }
        traced.rings[cpu]->begin(cpu);
    }
    return std::unique_ptr<TraceRings>(std::make_unique<FakeTraceRings>(traced));
}

void FakeHypervisor::trace(uint32_t cpu, const ringfold_trace_record &record) {
    if ((traced.classes >> (record.event >> 8) & 1) != 0 && traced.rings[cpu]->write(record)) {
        raised_.insert(RINGFOLD_VIRTUAL_IRQ_TRACE);
    }
}

Outcome<std::vector<uint32_t>> FakeHypervisor::raised() {
    std::vector<uint32_t> numbers;
    for (const uint32_t irq : raised_) {
        if (bound.contains(irq)) {
            numbers.push_back(irq);
        }
    }
    raised_.clear();
    return numbers;
}

void FakeHypervisor::write_console(uint16_t domain, std::string_view text) {
    domains.at(domain).console += text;
    raised_.insert(RINGFOLD_VIRTUAL_IRQ_DOMAIN_CONSOLE);
}

void FakeHypervisor::write_log(std::string_view text) {
    log += text;
    raised_.insert(RINGFOLD_VIRTUAL_IRQ_LOG);
}

void FakeHypervisor::end(uint16_t domain, uint32_t reason, uint32_t code) {
    ringfold_domain_info &info = domains.at(domain).info;
    info.state = RINGFOLD_DOMAIN_ENDED;
    info.shutdown_reason = reason;
    info.shutdown_code = code;
    info.vcpus_online = 0;
    info.pauses = 0;
    raised_.insert(RINGFOLD_VIRTUAL_IRQ_DOMAIN_STATE);
}

uint64_t FakeHypervisor::entry_of(uint16_t id, uint64_t address) {
    FakeDomain &domain = domains.at(id);
    uint64_t table = domain.context.root;
    uint64_t entry = 0;
    for (unsigned level = 4; level >= 1; --level) {
        const uint64_t index = address >> (page_shift + 9 * (level - 1)) & (table_entries - 1);
        if (!domain.frames.contains(table)) {
            return 0;
        }
        entry = read<uint64_t>(domain.frames[table], index * sizeof entry);
        if (!Entry{entry}.present()) {
            return 0;
        }
        table = Entry{entry}.frame().raw();
    }
    return entry;
}

std::string FakeHypervisor::read_linear(uint16_t id, uint64_t address, std::size_t size) {
    std::string found;
    while (found.size() < size) {
        const uint64_t entry = entry_of(id, address + found.size());
        const auto page = domains.at(id).frames.find(Entry{entry}.frame().raw());
        if (entry == 0 || page == domains.at(id).frames.end()) {
            break;
        }
        const std::size_t within = (address + found.size()) % page_size;
        const std::size_t count = std::min(size - found.size(), page_size - within);
        found.append(reinterpret_cast<const char *>(page->second.data()) + within, count);
    }
    return found;
}

}  // namespace ringfold::tools
