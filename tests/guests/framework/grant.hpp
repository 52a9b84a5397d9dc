// SPDX-License-Identifier: Apache-2.0
//
// Grants from both sides: the domain's own table, and single elements of the batches.
#pragma once

#include "framework/frame_numbers.hpp"
#include "framework/hypercall.hpp"

#include <ringfold/grant.h>

#include <cstdint>

namespace guest {

inline constexpr uint32_t grant_in_use = RINGFOLD_GRANT_READING | RINGFOLD_GRANT_WRITING;

constexpr uint32_t grant_control(uint32_t domain, uint32_t flags = 0) {
    return RINGFOLD_GRANT_PERMIT | flags | domain << RINGFOLD_GRANT_DOMAIN_SHIFT;
}
constexpr uint32_t accept_control(uint32_t domain) {
    return RINGFOLD_GRANT_ACCEPT | domain << RINGFOLD_GRANT_DOMAIN_SHIFT;
}

// Registers a new page of the domain's table; what should not fail is fatal. The page as the domain sees it.
volatile ringfold_grant_entry *add_grant_page(uint32_t index);
// The protocol's steps of the granter (ringfold/grant.h). revoke() is false while the entry is in use.
void grant(volatile ringfold_grant_entry &entry, uint32_t domain, MachineFrame frame, uint32_t flags = 0);
bool revoke(volatile ringfold_grant_entry &entry);

Result set_grant_page(uint32_t index, uint64_t frame);
ringfold_grant_info grant_info();

// One element each: what it looks like afterwards. A call that as such is refused ends the test.
ringfold_grant_map_element map_grant(uint32_t domain, uint32_t reference, uint16_t flags = 0);
int32_t unmap_grant(uint32_t handle);
int32_t copy_grant(const ringfold_grant_copy_element &segment);
int32_t transfer_grant(uint32_t domain, uint32_t reference, MachineFrame frame);

// An element's status against 0 or a negated RINGFOLD_E*.
bool check_element(int32_t status, int64_t expected, const char *what);

ringfold_grant_copy_end own_end(MachineFrame frame, uint16_t offset = 0);
ringfold_grant_copy_end granted_end(uint32_t domain, uint32_t reference, uint16_t offset = 0);

// memory_exchange to its end; give and get lie in the call buffer.
Result exchange(uint64_t give, uint64_t get, uint64_t count, uint32_t order, uint32_t address_bits);

}  // namespace guest
