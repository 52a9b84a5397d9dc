// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/segments.hpp"

namespace ringfold {

namespace {

// VERR (Intel SDM vol. 2B): is the segment there, and readable at CPL 0 and the selector's RPL? What it accepts, a MOV
// to a data segment register accepts too, if it has the present bit set, at which VERR does not look: LAR shows it.
uint16_t loadable(uint16_t selector) {
    constexpr uint32_t present = 1U << 15;
    bool readable = false;
    asm volatile("verr %1" : "=@ccz"(readable) : "r"(selector));
    uint32_t rights = 0;  // what LAR leaves, if there is nothing to look at
    asm volatile("larl %1, %0" : "+r"(rights) : "r"(uint32_t{selector}) : "cc");
    return readable && (rights & present) != 0 ? selector : uint16_t{0};
}

}  // namespace

SegmentState save_segments() {
    SegmentState state;
    asm volatile("movw %%ds, %0" : "=r"(state.ds));
    asm volatile("movw %%es, %0" : "=r"(state.es));
    asm volatile("movw %%fs, %0" : "=r"(state.fs));
    asm volatile("movw %%gs, %0" : "=r"(state.gs));
    asm volatile("rdfsbase %0" : "=r"(state.fs_base));
    asm volatile("rdgsbase %0" : "=r"(state.gs_base));
    return state;
}

void load_segments(const SegmentState &segments) {
    asm volatile("movw %0, %%ds" : : "r"(loadable(segments.ds)));
    asm volatile("movw %0, %%es" : : "r"(loadable(segments.es)));
    asm volatile("movw %0, %%fs" : : "r"(loadable(segments.fs)));
    asm volatile("movw %0, %%gs" : : "r"(loadable(segments.gs)));
    // After the selectors, whose load replaces the bases. Canonical: they were read from the registers, or checked.
    asm volatile("wrfsbase %0" : : "r"(segments.fs_base));
    asm volatile("wrgsbase %0" : : "r"(segments.gs_base));
}

}  // namespace ringfold
