// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/rights.hpp"

#include "hypervisor/domain/access.hpp"

#include <gtest/gtest.h>

namespace ringfold::test {
namespace {

constexpr Rights control{RINGFOLD_RIGHT_CONTROL};
constexpr Rights control_and_inspect{RINGFOLD_RIGHT_CONTROL | RINGFOLD_RIGHT_INSPECT};

TEST(Rights, ADomainActsOnAnotherThatHoldsNoMoreThanItself) {
    EXPECT_TRUE(may_act_on(control, Right::control, Rights{}));
    EXPECT_TRUE(may_act_on(control, Right::control, control));
    EXPECT_TRUE(may_act_on(Rights::all(), Right::control, Rights::all()));
}

TEST(Rights, WithoutTheRightTheOthersPovertyDoesNotMatter) {
    EXPECT_FALSE(may_act_on(Rights{}, Right::control, Rights{}));
    EXPECT_FALSE(may_act_on(control, Right::inspect, Rights{}));
}

TEST(Rights, NobodyTakesOverWhoMayDoMore) {
    EXPECT_FALSE(may_act_on(control, Right::control, control_and_inspect));
    EXPECT_FALSE(may_act_on(control, Right::control, Rights::all()));
    EXPECT_TRUE(may_act_on(control_and_inspect, Right::control, control));
}

// Every set of rights against every other, and every right: the rule is exactly this.
TEST(Rights, ExhaustivelyTheRuleAndNothingElse) {
    for (uint64_t caller = 0; caller <= RINGFOLD_RIGHTS_ALL; ++caller) {
        for (uint64_t target = 0; target <= RINGFOLD_RIGHTS_ALL; ++target) {
            for (uint64_t right = 1; right <= RINGFOLD_RIGHTS_ALL; right <<= 1) {
                const bool expected = (caller & right) != 0 && (target & ~caller) == 0;
                ASSERT_EQ(may_act_on(Rights{caller}, static_cast<Right>(right), Rights{target}), expected)
                    << caller << " " << right << " " << target;
            }
        }
    }
}

TEST(Rights, BitsThatNameNoRightAreNeverIncluded) {
    EXPECT_FALSE(Rights::all().includes(Rights{RINGFOLD_RIGHTS_ALL + 1}));
    EXPECT_FALSE(Rights::all().includes(Rights{uint64_t{1} << 63}));
    EXPECT_TRUE(Rights::all().includes(Rights::all()));
    EXPECT_TRUE(Rights{}.includes(Rights{}));
}

}  // namespace
}  // namespace ringfold::test
