// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/lib/digital_search_tree.hpp"

#include "tests/unit/random_seed.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

namespace ringfold::test {
namespace {

struct Numbered : TreeNode<Numbered> {
    explicit Numbered(uint64_t value) : number(value) {}
    [[nodiscard]] uint64_t key() const { return number; }
    uint64_t number;
};
using Tree = DigitalSearchTree<Numbered>;

TEST(DigitalSearchTree, FindsWhatWasInsertedOnly) {
    Tree tree;
    EXPECT_TRUE(tree.empty());
    EXPECT_EQ(tree.any(), nullptr);
    EXPECT_EQ(tree.find(0), nullptr);
    Numbered zero{0};
    Numbered again{0};
    Numbered highest{UINT64_MAX};
    EXPECT_TRUE(tree.insert(zero));
    EXPECT_FALSE(tree.insert(again));
    EXPECT_TRUE(tree.insert(highest));
    EXPECT_EQ(tree.find(0), &zero);
    EXPECT_EQ(tree.find(UINT64_MAX), &highest);
    EXPECT_EQ(tree.find(1), nullptr);
    EXPECT_EQ(tree.find_if([](const Numbered &node) { return node.number > 5; }), &highest);
    EXPECT_EQ(tree.find_if([](const Numbered &node) { return node.number == 5; }), nullptr);
    tree.remove(zero);
    EXPECT_EQ(tree.find(0), nullptr);
    EXPECT_EQ(tree.any(), &highest);
    tree.remove(highest);
    EXPECT_TRUE(tree.empty());
}

// Keys that differ in one bit only make the longest paths that there can be: 65 nodes.
TEST(DigitalSearchTree, PathsAreNoLongerThanKeys) {
    Tree tree;
    std::vector<std::unique_ptr<Numbered>> nodes;
    for (unsigned bit = 0; bit < 64; ++bit) {
        nodes.push_back(std::make_unique<Numbered>(uint64_t{1} << bit));
        EXPECT_TRUE(tree.insert(*nodes.back()));
    }
    for (const auto &node : nodes) {
        EXPECT_EQ(tree.find(node->number), node.get());
    }
    for (const auto &node : nodes) {
        tree.remove(*node);
        EXPECT_EQ(tree.find(node->number), nullptr);
    }
    EXPECT_TRUE(tree.empty());
}

TEST(DigitalSearchTree, AgreesWithAMap) {
    std::mt19937_64 random{random_seed()};
    Tree tree;
    std::map<uint64_t, std::unique_ptr<Numbered>> model;
    for (unsigned step = 0; step < 200'000; ++step) {
        // Dense, sparse, and alike in their low bits.
        const uint64_t keys[] = {random() % 64, random() % 64 << 40, random() % 8, ~(random() % 16)};
        const uint64_t key = keys[random() % 4];
        const auto known = model.find(key);
        ASSERT_EQ(tree.find(key), known == model.end() ? nullptr : known->second.get());
        if (known != model.end() && random() % 2 == 0) {
            tree.remove(*known->second);
            model.erase(known);
        } else {
            auto node = std::make_unique<Numbered>(key);
            ASSERT_EQ(tree.insert(*node), known == model.end());
            if (known == model.end()) {
                model.emplace(key, std::move(node));
            }
        }
        if (step % 1000 == 0) {
            std::size_t count = 0;
            tree.for_each([&](Numbered &node) { count += model.at(node.number).get() == &node ? 1 : 0; });
            ASSERT_EQ(count, model.size());
        }
    }
}

}  // namespace
}  // namespace ringfold::test
