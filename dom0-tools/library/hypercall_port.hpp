// SPDX-License-Identifier: Apache-2.0
//
// The seam below the tools: what carries hypercalls, and what makes virtual devices. /dev/ringfold and
// /dev/ringfold-backend in dom0 (device_port.hpp), a model in memory in tests.
#pragma once

#include "dom0-tools/library/disk_config.hpp"
#include "dom0-tools/library/network_config.hpp"
#include "dom0-tools/library/outcome.hpp"
#include "hypervisor/lib/units.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ringfold::tools {

struct HypercallRequest {
    uint32_t number = 0;   // RINGFOLD_HYPERCALL_*
    uint32_t offsets = 0;  // bit n: argument n is an offset into `data`
    std::array<uint64_t, 6> arguments{};
    std::span<std::byte> data;  // copied to the hypervisor and back
};

struct HypercallAnswer {
    int64_t status = 0;  // 0 or -RINGFOLD_E*
    uint64_t value = 0;  // the second result, or the progress
};

enum class CopyDirection : uint32_t { in = 0, out = 1 };

// A control page of a domain (ringfold/device.h), as its start info is to name it.
struct ControlPlace {
    uint32_t reference = 0;
    uint32_t port = 0;
};

// A disk that a domain has.
struct DiskState {
    uint32_t number = 0;
    bool read_only = false;
    std::string state;  // for people
    uint32_t queues = 0;
    uint64_t sectors = 0;
    uint64_t requests = 0;  // served so far
    uint64_t bytes = 0;     // of reads and writes
};

// A network interface that a domain has. Sent and received: by the domain.
struct NetworkState {
    uint32_t number = 0;
    std::string state;  // for people
    std::string bridge;
    uint32_t queues = 0;
    uint64_t sent_packets = 0;
    uint64_t sent_bytes = 0;
    uint64_t received_packets = 0;
    uint64_t received_bytes = 0;
};

// The rings into which the hypervisor writes its trace (ringfold/trace.h). The trace ends with stop(), or with the
// object.
class TraceRings {
  public:
    virtual ~TraceRings() = default;

    // All pages of the ring of a CPU, which the hypervisor writes to meanwhile; as long as the object lives.
    [[nodiscard]] virtual std::span<const std::byte> ring(uint32_t cpu) const = 0;
    [[nodiscard]] virtual uint32_t cpus() const = 0;  // one ring for each
    // What was written stays in the rings.
    virtual Outcome<void> stop() = 0;
};

// How much memory the control domain's kernel wants to have, and the most that it can.
struct ControlMemory {
    FrameCount target;
    FrameCount maximum;
};

class HypercallPort {
  public:
    virtual ~HypercallPort() = default;

    // A failure is the port's own; what the hypervisor answers is in the status. May be called from several threads.
    virtual Outcome<HypercallAnswer> request(const HypercallRequest &request) = 0;
    // Copies whole pages between `data` and frames of the domain, one after the other.
    virtual Outcome<void> copy(DomainId domain, CopyDirection direction, std::span<const uint64_t> frames,
                               std::span<std::byte> data) = 0;
    // From now on raised() tells of the virtual interrupt.
    virtual Outcome<void> bind_virtual_irq(uint32_t irq) = 0;
    // Which virtual interrupts were raised since the last call.
    virtual Outcome<std::vector<uint32_t>> raised() = 0;
    // Readable when raised() has something to say; -1: there is none.
    [[nodiscard]] virtual int descriptor() const = 0;

    // Makes a domain's control page; unsupported: this kernel serves no devices.
    virtual Outcome<ControlPlace> open_devices(DomainId domain) = 0;
    virtual Outcome<void> add_disk(DomainId domain, const DiskConfig &disk) = 0;
    // Asks the domain to let go of a disk: it is gone when disks() does not show it any more. By force: at once.
    virtual Outcome<void> remove_disk(DomainId domain, uint32_t number, bool force) = 0;
    // Ends its connection as if this end had died. The domain connects again, and asks again what was not answered.
    virtual Outcome<void> reset_disk(DomainId domain, uint32_t number) = 0;
    // Looks how large its target is now, and tells the domain. In sectors of 512 bytes.
    virtual Outcome<uint64_t> resize_disk(DomainId domain, uint32_t number) = 0;
    virtual Outcome<std::vector<DiskState>> disks(DomainId domain) = 0;
    // Its address is set. Its other end is up, on its bridge. not_found: there is no such bridge.
    virtual Outcome<void> add_network(DomainId domain, const NetworkConfig &network) = 0;
    virtual Outcome<void> remove_network(DomainId domain, uint32_t number, bool force) = 0;  // as remove_disk()
    virtual Outcome<void> reset_network(DomainId domain, uint32_t number) = 0;               // as reset_disk()
    virtual Outcome<std::vector<NetworkState>> networks(DomainId domain) = 0;
    // Tells the domain what a user wants of it: RINGFOLD_ORDER_*. not_found: it has no control page; busy: it does not
    // listen to it.
    virtual Outcome<void> give_order(DomainId domain, uint32_t order, uint32_t argument) = 0;
    // Of this kernel itself, which then does what it can. unsupported: it knows no such thing.
    virtual Outcome<ControlMemory> control_memory() = 0;
    virtual Outcome<void> set_control_memory(FrameCount target) = 0;
    // Takes all devices away, without asking the domain; it need not have any.
    virtual Outcome<void> close_devices(DomainId domain) = 0;

    // Begins the trace of these classes (bits 1 << RINGFOLD_TRACE_CLASS_*), with so many pages for each ring. busy:
    // somebody traces; unsupported: this kernel has no memory for it.
    virtual Outcome<std::unique_ptr<TraceRings>> start_trace(uint32_t classes, uint32_t pages) = 0;
};

}  // namespace ringfold::tools
