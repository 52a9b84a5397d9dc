// SPDX-License-Identifier: Apache-2.0
//
// An intrusive map from 64-bit keys: a digital search tree (Knuth, The Art of Computer Programming, volume 3, section
// 6.3). A node at depth d agrees with everything below it in the lowest d bits of the key. So no path is longer than a
// key has significant bits, whatever keys somebody chooses, and nothing is ever rebalanced.
//
// A node derives from TreeNode<Node> and has `uint64_t key() const`, which does not change while it is in a tree. Who
// owns the nodes is the user's business.
#pragma once

#include <array>
#include <cstdint>

namespace ringfold {

template <typename Node>
class DigitalSearchTree;

template <typename Node>
class TreeNode {
    friend class DigitalSearchTree<Node>;
    std::array<Node *, 2> children_{};
};

template <typename Node>
class DigitalSearchTree {
  public:
    constexpr DigitalSearchTree() = default;
    DigitalSearchTree(const DigitalSearchTree &) = delete;
    DigitalSearchTree &operator=(const DigitalSearchTree &) = delete;

    [[nodiscard]] bool empty() const { return root_ == nullptr; }
    // Some node; null if there is none.
    [[nodiscard]] Node *any() const { return root_; }

    [[nodiscard]] Node *find(uint64_t key) const {
        Node *node = root_;
        for (uint64_t bits = key; node != nullptr && node->key() != key; bits >>= 1) {
            node = node->children_[bits & 1];
        }
        return node;
    }

    // False: a node with this key is there already.
    [[nodiscard]] bool insert(Node &node) {
        Node **link = &root_;
        for (uint64_t bits = node.key(); *link != nullptr; bits >>= 1) {
            if ((*link)->key() == node.key()) {
                return false;
            }
            link = &(*link)->children_[bits & 1];
        }
        node.children_ = {};
        *link = &node;
        return true;
    }

    // `node` is in the tree. Any leaf below it fits in its place.
    void remove(Node &node) {
        Node **const link = link_to(node);
        Node **leaf = link;
        while (Node **const child = child_of(**leaf)) {
            leaf = child;
        }
        Node *const replacement = *leaf;
        *leaf = nullptr;
        if (replacement != &node) {
            replacement->children_ = node.children_;
            *link = replacement;
        }
    }

    // Calls visit(Node &) for each, in no order; it must not change the tree.
    template <typename Visitor>
    void for_each(Visitor &&visit) const {
        for_each_below(root_, visit);
    }

    // A node for which holds(const Node &) is true, or null.
    template <typename Predicate>
    [[nodiscard]] Node *find_if(Predicate &&holds) const {
        return find_below(root_, holds);
    }

  private:
    // Where the tree points to `node`.
    Node **link_to(const Node &node) {
        Node **link = &root_;
        for (uint64_t bits = node.key(); *link != &node; bits >>= 1) {
            link = &(*link)->children_[bits & 1];
        }
        return link;
    }
    // One of the two, or null.
    static Node **child_of(Node &node) {
        for (Node *&child : node.children_) {
            if (child != nullptr) {
                return &child;
            }
        }
        return nullptr;
    }
    template <typename Visitor>
    static void for_each_below(Node *node, Visitor &visit) {
        if (node == nullptr) {
            return;
        }
        for_each_below(node->children_[0], visit);
        for_each_below(node->children_[1], visit);
        visit(*node);
    }

    template <typename Predicate>
    static Node *find_below(Node *node, Predicate &holds) {
        if (node == nullptr || holds(*node)) {
            return node;
        }
        Node *const found = find_below(node->children_[0], holds);
        return found != nullptr ? found : find_below(node->children_[1], holds);
    }

    Node *root_ = nullptr;
};

}  // namespace ringfold
