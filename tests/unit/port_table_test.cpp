// SPDX-License-Identifier: Apache-2.0
//
// The tree of ports against a plain set of numbers.
#include "hypervisor/event/port_table.hpp"

#include "tests/unit/event_world.hpp"
#include "tests/unit/random_seed.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace ringfold::test {
namespace {

class PortTableTest : public testing::Test {
  protected:
    EventWorld world_;
};

uint32_t expect_allocated(PortTable &table, uint32_t highest) {
    const Result<Port> port = table.allocate(highest);
    EXPECT_TRUE(port.ok());
    return port.ok() ? port.value().raw() : 0;
}

TEST_F(PortTableTest, PortZeroIsNeverGivenOut) {
    PortTable table;
    EXPECT_EQ(expect_allocated(table, 10), 1U);
    EXPECT_EQ(table.find(Port{0}), nullptr);
    EXPECT_NE(table.find(Port{1}), nullptr);
    table.free(Port{1});
    EXPECT_EQ(table.find(Port{1}), nullptr);
    EXPECT_EQ(heap_counters().objects, 0U);
}

TEST_F(PortTableTest, NoNumberIsFoundThatWasNotGivenOut) {
    PortTable table;
    expect_allocated(table, 10);
    for (const uint32_t number : {2U, 63U, 64U, 4096U, 262143U, 262144U, 262145U, 0x7fffffffU, 0xffffffffU}) {
        EXPECT_EQ(table.find(Port{number}), nullptr) << number;
    }
    table.free(Port{1});
}

TEST_F(PortTableTest, TheLimitIsTheHighestNumber) {
    PortTable table;
    EXPECT_EQ(expect_allocated(table, 2), 1U);
    EXPECT_EQ(expect_allocated(table, 2), 2U);
    const Result<Port> third = table.allocate(2);
    ASSERT_FALSE(third.ok());
    EXPECT_EQ(third.error(), Error::limit_reached);
    EXPECT_EQ(table.size(), 2U);
    table.free(Port{1});
    EXPECT_EQ(expect_allocated(table, 2), 1U);
    table.free(Port{1});
    table.free(Port{2});
}

TEST_F(PortTableTest, AllOfThemCanBeHad) {
    PortTable table;
    for (uint32_t number = 1; number < PortTable::capacity; ++number) {
        ASSERT_EQ(expect_allocated(table, PortTable::capacity), number);
    }
    const Result<Port> beyond = table.allocate(0xffffffff);
    ASSERT_FALSE(beyond.ok());
    EXPECT_EQ(beyond.error(), Error::limit_reached);
    for (uint32_t number = 1; number < PortTable::capacity; ++number) {
        table.free(Port{number});
    }
    EXPECT_EQ(heap_counters().objects, 0U);
}

TEST_F(PortTableTest, RunningOutOfMemoryLeavesNothingBehind) {
    PortTable table;
    std::vector<MachineFrame> taken;
    for (;;) {
        const Result<MachineFrame> frame = allocate_frames(Order{0});
        if (!frame.ok()) {
            break;
        }
        taken.push_back(frame.value());
    }
    const Result<Port> port = table.allocate(10);
    ASSERT_FALSE(port.ok());
    EXPECT_EQ(port.error(), Error::out_of_memory);
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(heap_counters().objects, 0U);
    for (const MachineFrame frame : taken) {
        free_frames(frame, Order{0});
    }
    EXPECT_EQ(expect_allocated(table, 10), 1U);
    table.free(Port{1});
}

TEST_F(PortTableTest, BehavesLikeASetOfNumbers) {
    std::mt19937_64 random{random_seed()};
    PortTable table;
    std::set<uint32_t> model;
    for (unsigned phase = 0; phase < 12; ++phase) {
        const uint64_t wanted = random() % 3 == 0 ? random() % 20 : random() % 20'000;
        for (unsigned step = 0; step < 20'000; ++step) {
            const bool grow = model.size() < wanted ? random() % 4 != 0 : random() % 4 == 0;
            if (grow) {
                uint32_t lowest = 1;
                for (auto number = model.begin(); number != model.end() && *number == lowest; ++number) {
                    ++lowest;
                }
                if (model.size() > 2'000 && lowest > 2'000) {
                    continue;  // the model's search is slow
                }
                ASSERT_EQ(expect_allocated(table, PortTable::capacity), lowest);
                table.find(Port{lowest})->source = lowest;
                model.insert(lowest);
            } else if (!model.empty()) {
                auto chosen = model.lower_bound(static_cast<uint32_t>(random() % (*model.rbegin() + 1)));
                table.free(Port{*chosen});
                model.erase(chosen);
            }
            ASSERT_EQ(table.size(), model.size());
            const auto number = static_cast<uint32_t>(random() % 3'000);
            const PortEntry *const entry = table.find(Port{number});
            ASSERT_EQ(entry != nullptr, model.contains(number)) << number;
            if (entry != nullptr) {
                ASSERT_EQ(entry->source, number);
            }
            const auto next = model.lower_bound(number);
            ASSERT_EQ(table.next(Port{number}).raw(), next == model.end() ? 0 : *next);
        }
    }
    for (const uint32_t number : model) {
        table.free(Port{number});
    }
    EXPECT_EQ(heap_counters().objects, 0U);
}

}  // namespace
}  // namespace ringfold::test
