// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/paging_limits.hpp"

#include <gtest/gtest.h>

namespace ringfold {
namespace {

constexpr uint64_t no_l1_terminal_fault = 1;
constexpr uint64_t no_page_size_machine_check = 64;

TEST(PagingLimits, AnIntelProcessorThatClaimsNothingHasBothErrata) {
    constexpr PagingLimits limits =
        choose_paging_limits({.is_intel = true, .physical_address_bits = 46, .capabilities = 0});
    EXPECT_EQ(limits.cache_address_bits, 44);
    EXPECT_FALSE(limits.big_pages_executable);
}

TEST(PagingLimits, EachClaimCounts) {
    constexpr PagingLimits terminal =
        choose_paging_limits({.is_intel = true, .physical_address_bits = 52, .capabilities = no_l1_terminal_fault});
    EXPECT_EQ(terminal.cache_address_bits, 52);
    EXPECT_FALSE(terminal.big_pages_executable);
    constexpr PagingLimits both =
        choose_paging_limits({.is_intel = true,
                              .physical_address_bits = 39,
                              .capabilities = no_l1_terminal_fault | no_page_size_machine_check});
    EXPECT_EQ(both.cache_address_bits, 39);
    EXPECT_TRUE(both.big_pages_executable);
}

TEST(PagingLimits, ANarrowProcessorWithTerminalFaultsComparesItsOwnWidth) {
    constexpr PagingLimits limits =
        choose_paging_limits({.is_intel = true, .physical_address_bits = 36, .capabilities = 0});
    EXPECT_EQ(limits.cache_address_bits, 36);
}

TEST(PagingLimits, OtherVendorsHaveNeither) {
    constexpr PagingLimits limits =
        choose_paging_limits({.is_intel = false, .physical_address_bits = 48, .capabilities = 0});
    EXPECT_EQ(limits.cache_address_bits, 48);
    EXPECT_TRUE(limits.big_pages_executable);
}

}  // namespace
}  // namespace ringfold
