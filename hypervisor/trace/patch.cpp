// SPDX-License-Identifier: Apache-2.0
//
// The only place that writes to text. The tables say read-only for all text, always: write protection is lifted on this
// CPU instead, while it writes a few bytes with interrupts off and every other CPU stopped.
#include "hypervisor/boot/image_layout.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/trace/branch.hpp"

#include <cstring>

extern "C" {
extern const ringfold::trace::BranchSite trace_branches_start[];  // hypervisor.ld
extern const ringfold::trace::BranchSite trace_branches_end[];
}

namespace ringfold::trace {

namespace {

class LiftedWriteProtection {
  public:
    LiftedWriteProtection() : cr0_(read_cr0()) { write_cr0(cr0_ & ~cr0::write_protect); }
    ~LiftedWriteProtection() { write_cr0(cr0_); }
    LiftedWriteProtection(const LiftedWriteProtection &) = delete;
    LiftedWriteProtection &operator=(const LiftedWriteProtection &) = delete;

  private:
    uint64_t cr0_;
};

bool is_text(uint64_t address) {
    const ImageLayout &image = image_layout();
    return address >= image.text_start && address < image.text_end;
}

}  // namespace

std::span<const BranchSite> branch_sites() { return {trace_branches_start, trace_branches_end}; }

void set_branches(uint32_t classes) {
    {
        const LiftedWriteProtection lifted;
        for (const BranchSite &site : branch_sites()) {
            invariant(is_text(site.address()) && is_text(site.target_address()),
                      "a branch of the trace is in the text");
            const BranchBytes bytes =
                encode_branch(site.address(), site.target_address(), (site.classes & classes) != 0);
            std::memcpy(reinterpret_cast<void *>(site.address()), bytes.data(), bytes.size());
        }
    }
    (void)cpuid(0);  // serialises (Intel SDM vol. 3A, 8.1.3)
}

}  // namespace ringfold::trace
