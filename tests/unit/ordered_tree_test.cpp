// SPDX-License-Identifier: Apache-2.0
//
// The treap against a sorted vector under random operations.
#include "hypervisor/lib/ordered_tree.hpp"
#include "tests/unit/random_seed.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <array>
#include <memory>
#include <vector>

namespace ringfold {
namespace {

struct Item : OrderedNode<struct ItemTag> {
    uint64_t key = 0;
    uint64_t serial = 0;
};
struct ByKey {
    bool operator()(const Item &a, const Item &b) const { return a.key < b.key; }
};
using Tree = OrderedTree<Item, ItemTag, ByKey>;

std::vector<const Item *> contents(const Tree &tree) {
    std::vector<const Item *> found;
    for (const Item *item = tree.first(); item != nullptr; item = tree.next(*item)) {
        found.push_back(item);
    }
    return found;
}

TEST(OrderedTree, IsEmptyAtFirst) {
    const Tree tree;
    EXPECT_TRUE(tree.empty());
    EXPECT_EQ(tree.first(), nullptr);
    EXPECT_EQ(tree.size(), 0u);
}

TEST(OrderedTree, EqualElementsStayInTheOrderOfInsertion) {
    Tree tree;
    std::array<Item, 50> items;
    for (Item &item : items) {
        item.key = 7;
        tree.insert(item);
    }
    const auto found = contents(tree);
    ASSERT_EQ(found.size(), items.size());
    for (std::size_t index = 0; index < items.size(); ++index) {
        EXPECT_EQ(found[index], &items[index]);
    }
}

TEST(OrderedTree, AgreesWithASortedVector) {
    std::mt19937_64 random{test::random_seed()};
    std::vector<std::unique_ptr<Item>> items(200);
    for (auto &item : items) {
        item = std::make_unique<Item>();
    }
    Tree tree;
    std::vector<const Item *> model;
    uint64_t serial = 0;
    for (unsigned step = 0; step < 100'000; ++step) {
        Item &item = *items[random() % items.size()];
        if (item.in_tree()) {
            tree.remove(item);
            model.erase(std::find(model.begin(), model.end(), &item));
        } else {
            item.key = random() % 40;
            item.serial = ++serial;
            tree.insert(item);
            model.insert(std::upper_bound(model.begin(), model.end(), &item,
                                          [](const Item *a, const Item *b) { return a->key < b->key; }),
                         &item);
        }
        ASSERT_EQ(tree.size(), model.size());
        ASSERT_EQ(tree.first(), model.empty() ? nullptr : model.front());
        if (step % 97 == 0) {
            ASSERT_EQ(contents(tree), model) << "step " << step;
        }
    }
}

// A list would need 10^10 steps: this would never end.
TEST(OrderedTree, AscendingKeysDoNotDegrade) {
    Tree tree;
    std::vector<Item> items(100'000);
    for (std::size_t index = 0; index < items.size(); ++index) {
        items[index].key = index;
        tree.insert(items[index]);
    }
    for (Item &item : items) {
        ASSERT_EQ(tree.first(), &item);
        tree.remove(item);
    }
    EXPECT_TRUE(tree.empty());
}

}  // namespace
}  // namespace ringfold
