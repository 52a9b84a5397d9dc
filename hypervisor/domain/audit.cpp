// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/audit.hpp"

#include "hypervisor/cpu/rendezvous.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/audit.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/trace/session.hpp"

namespace ringfold {

namespace {

void visit_vcpu(const Vcpu &vcpu, AuditCounts &counts) {
    if (vcpu.root) {
        audit_holder(counts, vcpu.root.frame(), vcpu.root.type());
    }
    if (vcpu.page_hold) {
        audit_holder(counts, vcpu.page_hold.frame(), vcpu.page_hold.type());
    }
    for (const TypeReference &event_page : vcpu.event_pages) {
        if (event_page) {
            audit_holder(counts, event_page.frame(), event_page.type());
        }
    }
    vcpu.call_buffer.for_each_frame(
        [&counts](MachineFrame frame) { audit_holder(counts, frame, FrameType::writable); });
}

void visit_domain(Domain &domain, AuditCounts &counts) {
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        visit_vcpu(*domain.vcpus[number], counts);
    }
    domain.grants.table.lock()->for_each_frame(
        [&counts](MachineFrame frame) { audit_holder(counts, frame, FrameType::writable); });
    domain.grants.borrowings.lock()->for_each_use(
        [&counts](const GrantUse &use) { audit_holder(counts, use.frame(), use.type()); });
    audit_borrowed(counts, domain.memory);
}

void visit_holders(void *, AuditCounts &counts) {
    domain_list::for_each_unlocked([&counts](Domain &domain) { visit_domain(domain, counts); });
    trace::for_each_frame(&counts, [](void *context, MachineFrame frame) {
        audit_holder(*static_cast<AuditCounts *>(context), frame, FrameType::writable);
    });
}

void report(void *, const AuditFinding &finding) {
    log_error("audit: frame {}: {} is {}, not {}", finding.frame, finding.what, finding.actual, finding.expected);
}

uint64_t audit_claims() {
    FrameCount claimed;
    domain_list::for_each_unlocked([&claimed](Domain &domain) { claimed += domain.memory.claim().count; });
    if (claimed == claimed_frame_count()) {
        return 0;
    }
    log_error("audit: {} frames are claimed by domains, not {}", claimed, claimed_frame_count());
    return 1;
}

}  // namespace

uint64_t audit_machine() {
    const StoppedMachine stopped;
    const AuditCaller caller{.context = nullptr, .visit_holders = visit_holders, .report = report};
    return audit(caller) + audit_claims();
}

}  // namespace ringfold
