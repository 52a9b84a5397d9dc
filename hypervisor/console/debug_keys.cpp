// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/console/debug_keys.hpp"

#include "hypervisor/console/debug_reports.hpp"
#include "hypervisor/cpu/counters.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/cpu/rendezvous.hpp"
#include "hypervisor/cpu/state_report.hpp"
#include "hypervisor/domain/audit.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/platform/power.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <string_view>

namespace ringfold {

namespace {

struct DebugKey {
    char key;
    std::string_view meaning;
    void (*press)();
    Rights needed{};  // of a domain, beside the one to press keys at all
};

void help();

#if RINGFOLD_DEBUG
void audit_and_tell() { log_info("audit: {} frames with wrong counts", audit_machine()); }
#endif

void restart_machine() {
    log_info("restart: asked for by a debug key");
    restart();
}

constexpr std::array keys {
    DebugKey{'h', "this list", help},
#if RINGFOLD_DEBUG
        DebugKey{'a', "audit of all frames", audit_and_tell},
#endif
        DebugKey{'c', "counters", log_counters}, DebugKey{'d', "registers and back trace of every CPU", log_all_cpus},
        DebugKey{'m', "memory", log_memory}, DebugKey{'q', "domains and their vCPUs", log_domains},
        DebugKey{'r', "run queues", log_run_queues}, DebugKey{'t', "time", log_time},
        DebugKey{'R', "restart the machine", restart_machine, Rights{RINGFOLD_RIGHT_MACHINE}},
};

void help() {
    for (const DebugKey &key : keys) {
        log_info("  {}  {}", key.key, key.meaning);
    }
}

const DebugKey *find(char key) {
    const auto found = std::find_if(keys.begin(), keys.end(), [key](const DebugKey &each) { return each.key == key; });
    return found == keys.end() ? nullptr : &*found;
}

// One at a time: two reports would be hard to read.
void press(const DebugKey &key) {
    static constinit std::atomic<bool> busy = false;
    while (busy.exchange(true, std::memory_order_acquire)) {
        stop_if_asked();
        relax();
    }
    log_info("debug key {}: {}", key.key, key.meaning);
    key.press();
    busy.store(false, std::memory_order_release);
}

}  // namespace

void press_debug_key(char key) {
    if (const DebugKey *const found = find(key); found != nullptr) {
        press(*found);
    }
}

Result<void> press_debug_key(char key, Rights rights) {
    const DebugKey *const found = find(key);
    if (found == nullptr) {
        return Error::not_found;
    }
    if (!rights.includes(found->needed)) {
        return Error::not_permitted;
    }
    press(*found);
    return {};
}

}  // namespace ringfold
