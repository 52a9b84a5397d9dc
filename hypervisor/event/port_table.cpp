// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/port_table.hpp"

#include "hypervisor/mm/heap.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <bit>

namespace ringfold {

namespace {

constexpr uint64_t all = ~uint64_t{0};
constexpr uint64_t bit(uint32_t index) { return uint64_t{1} << index; }

constexpr uint32_t node_of(uint32_t number) { return number / (PortTable::fan_out * PortTable::fan_out); }
constexpr uint32_t leaf_of(uint32_t number) { return number / PortTable::fan_out % PortTable::fan_out; }
constexpr uint32_t entry_of(uint32_t number) { return number % PortTable::fan_out; }

// What is taken in a leaf where nothing is bound: port 0 is never given out.
constexpr uint64_t taken_when_empty(uint32_t node, uint32_t leaf) { return node == 0 && leaf == 0 ? 1 : 0; }

uint32_t first_clear(uint64_t word) { return static_cast<uint32_t>(std::countr_one(word)); }

}  // namespace

PortTable::~PortTable() { invariant(size_ == 0, "a domain goes with ports bound"); }

// `capacity` if there is none.
uint32_t PortTable::lowest_free() const {
    const uint32_t node = first_clear(full_);
    if (node == fan_out) {
        return capacity;
    }
    const uint32_t leaf = nodes_[node] == nullptr ? 0 : first_clear(nodes_[node]->full);
    const Leaf *const entries = nodes_[node] == nullptr ? nullptr : nodes_[node]->leaves[leaf];
    const uint32_t entry = first_clear(entries == nullptr ? taken_when_empty(node, leaf) : entries->used);
    return (node * fan_out + leaf) * fan_out + entry;
}

// Leaves nothing empty behind when memory runs out.
Result<PortTable::Leaf *> PortTable::leaf_for_new(uint32_t number) {
    Node *&node = nodes_[node_of(number)];
    Owned<Node> new_node;
    if (node == nullptr) {
        new_node = TRY(create_owned<Node>());
    }
    Node &parent = node != nullptr ? *node : *new_node;
    Leaf *&leaf = parent.leaves[leaf_of(number)];
    if (leaf == nullptr) {
        leaf = TRY(create<Leaf>());
        leaf->used = taken_when_empty(node_of(number), leaf_of(number));
        parent.present |= bit(leaf_of(number));
    }
    if (new_node) {
        node = new_node.release();
    }
    return leaf;
}

Result<Port> PortTable::allocate(uint32_t highest) {
    const uint32_t number = lowest_free();
    if (number > highest || number == capacity) {
        return Error::limit_reached;
    }
    Leaf &leaf = *TRY(leaf_for_new(number));
    leaf.entries[entry_of(number)] = PortEntry{};
    leaf.used |= bit(entry_of(number));
    Node &node = *nodes_[node_of(number)];
    if (leaf.used == all) {
        node.full |= bit(leaf_of(number));
    }
    if (node.full == all) {
        full_ |= bit(node_of(number));
    }
    ++size_;
    return Port{number};
}

void PortTable::free(Port port) {
    const uint32_t number = port.raw();
    invariant(find(port) != nullptr, "a port is freed that is not bound");
    Node &node = *nodes_[node_of(number)];
    node.leaves[leaf_of(number)]->used &= ~bit(entry_of(number));
    node.full &= ~bit(leaf_of(number));
    full_ &= ~bit(node_of(number));
    --size_;
    release_empty(node_of(number), leaf_of(number));
}

void PortTable::release_empty(uint32_t node, uint32_t leaf) {
    Node *&parent = nodes_[node];
    Leaf *&child = parent->leaves[leaf];
    if (child->used != taken_when_empty(node, leaf)) {
        return;
    }
    destroy(child);
    child = nullptr;
    parent->present &= ~bit(leaf);
    if (parent->present == 0) {
        destroy(parent);
        parent = nullptr;
    }
}

PortEntry *PortTable::find(Port port) {
    const uint32_t number = port.raw();
    if (number == 0 || number >= capacity) {
        return nullptr;
    }
    const Node *const node = nodes_[node_of(number)];
    Leaf *const leaf = node == nullptr ? nullptr : node->leaves[leaf_of(number)];
    const bool is_used = leaf != nullptr && (leaf->used & bit(entry_of(number))) != 0;
    return is_used ? &leaf->entries[entry_of(number)] : nullptr;
}

Port PortTable::next(Port port) const {
    uint32_t number = port.raw() == 0 ? 1 : port.raw();
    while (number < capacity) {
        const Node *const node = nodes_[node_of(number)];
        const uint64_t leaves = node == nullptr ? 0 : node->present >> leaf_of(number) << leaf_of(number);
        if (leaves == 0) {
            number = (node_of(number) + 1) * fan_out * fan_out;
            continue;
        }
        const auto leaf = static_cast<uint32_t>(std::countr_zero(leaves));
        if (leaf != leaf_of(number)) {
            number = (node_of(number) * fan_out + leaf) * fan_out;
        }
        const uint64_t used = node->leaves[leaf]->used & ~taken_when_empty(node_of(number), leaf);
        const uint64_t entries = used >> entry_of(number) << entry_of(number);
        if (entries != 0) {
            return Port{(node_of(number) * fan_out + leaf) * fan_out +
                        static_cast<uint32_t>(std::countr_zero(entries))};
        }
        number = (node_of(number) * fan_out + leaf + 1) * fan_out;
    }
    return Port{0};
}

}  // namespace ringfold
