// SPDX-License-Identifier: Apache-2.0
//
// An ordered set of objects that carry their own links: a treap. An object inherits OrderedNode<Tag> for each tree that
// it can be in; nothing is allocated. Insertion and removal take O(log n) on average, the first element O(1). Elements
// that the order does not tell apart stay in the order of their insertion. Knows no lock.
#pragma once

#include <cstdint>

namespace ringfold {

template <typename Tag>
class OrderedNode {
  public:
    constexpr OrderedNode() = default;
    OrderedNode(const OrderedNode &) = delete;
    OrderedNode &operator=(const OrderedNode &) = delete;

    [[nodiscard]] bool in_tree() const { return in_tree_; }

  private:
    template <typename, typename NodeTag, typename>
    friend class OrderedTree;

    OrderedNode *parent_ = nullptr;
    OrderedNode *left_ = nullptr;   // what comes before
    OrderedNode *right_ = nullptr;  // what comes after
    uint32_t priority_ = 0;         // no child's is higher: random, so the tree is balanced whatever the order
    bool in_tree_ = false;
};

// `Before{}(const T &a, const T &b)`: a comes before b. What it looks at must not change while an object is in the
// tree.
template <typename T, typename Tag, typename Before>
class OrderedTree {
    using Node = OrderedNode<Tag>;

  public:
    constexpr OrderedTree() = default;
    OrderedTree(const OrderedTree &) = delete;
    OrderedTree &operator=(const OrderedTree &) = delete;

    [[nodiscard]] bool empty() const { return root_ == nullptr; }
    [[nodiscard]] uint32_t size() const { return size_; }
    // Null if it is empty.
    [[nodiscard]] T *first() const { return object_of(first_); }
    // The one behind `object`, null at the end.
    [[nodiscard]] T *next(const T &object) const {
        const Node *node = &object;
        if (node->right_ != nullptr) {
            return object_of(leftmost(node->right_));
        }
        while (node->parent_ != nullptr && node->parent_->right_ == node) {
            node = node->parent_;
        }
        return object_of(node->parent_);
    }

    // `object` is in no tree of this tag.
    void insert(T &object) {
        Node &node = object;
        node.priority_ = next_priority();
        Node **link = &root_;
        Node *parent = nullptr;
        bool is_first = true;
        while (*link != nullptr && (*link)->priority_ >= node.priority_) {
            parent = *link;
            const bool before = Before{}(object, *object_of(parent));
            is_first = is_first && before;
            link = before ? &parent->left_ : &parent->right_;
        }
        is_first = split(*link, node) && is_first;
        *link = &node;
        node.parent_ = parent;
        node.in_tree_ = true;
        ++size_;
        if (is_first) {
            first_ = &node;
        }
    }

    // `object` is in this tree.
    void remove(T &object) {
        Node &node = object;
        if (first_ == &node) {
            first_ = static_cast<Node *>(next(object));
        }
        Node *const parent = node.parent_;
        Node **const link = parent == nullptr ? &root_ : parent->left_ == &node ? &parent->left_ : &parent->right_;
        merge(node.left_, node.right_, *link, parent);
        node.parent_ = node.left_ = node.right_ = nullptr;
        node.in_tree_ = false;
        --size_;
    }

  private:
    static T *object_of(const Node *node) { return static_cast<T *>(const_cast<Node *>(node)); }

    static Node *leftmost(Node *node) {
        while (node->left_ != nullptr) {
            node = node->left_;
        }
        return node;
    }

    // Hangs what comes before `node` in `tree` into its left, the rest into its right. True if nothing comes before.
    static bool split(Node *tree, Node &node) {
        Node **left = &node.left_;
        Node **right = &node.right_;
        Node *left_parent = &node;
        Node *right_parent = &node;
        while (tree != nullptr) {
            if (Before{}(*object_of(&node), *object_of(tree))) {
                *right = tree;
                tree->parent_ = right_parent;
                right_parent = tree;
                right = &tree->left_;
                tree = tree->left_;
            } else {
                *left = tree;
                tree->parent_ = left_parent;
                left_parent = tree;
                left = &tree->right_;
                tree = tree->right_;
            }
        }
        *left = nullptr;
        *right = nullptr;
        return node.left_ == nullptr;
    }

    // Everything in `left` comes before everything in `right`; the result hangs at `link` below `parent`.
    static void merge(Node *left, Node *right, Node *&link, Node *parent) {
        Node **place = &link;
        while (left != nullptr && right != nullptr) {
            Node *const top = left->priority_ >= right->priority_ ? left : right;
            *place = top;
            top->parent_ = parent;
            parent = top;
            Node *&rest = top == left ? left : right;
            place = top == left ? &top->right_ : &top->left_;
            rest = *place;
        }
        *place = left != nullptr ? left : right;
        if (*place != nullptr) {
            (*place)->parent_ = parent;
        }
    }

    // Marsaglia's xorshift: no secret, but nothing that keys could be chosen after.
    uint32_t next_priority() {
        random_ ^= random_ << 13;
        random_ ^= random_ >> 17;
        random_ ^= random_ << 5;
        return random_;
    }

    Node *root_ = nullptr;
    Node *first_ = nullptr;
    uint32_t size_ = 0;
    uint32_t random_ = 0x9e37'79b9;
};

}  // namespace ringfold
