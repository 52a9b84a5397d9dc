/* SPDX-License-Identifier: MIT */
/*
 * The page-table batch (hypercall page_table_batch). A guest's page tables are the real ones and it may only read them;
 * every change is one of these operations. A batch is applied in order and stops at the first refused operation; the
 * call returns that operation's error and, as progress, how many were done before it. Errors leave the refused
 * operation without effect. -EAGAIN is no refusal: issue the rest again. Stale translations of the guest's own are the
 * guest's to flush (batch the flush last); those that would break the hypervisor's rules it flushes by itself.
 */
#ifndef RINGFOLD_PAGE_TABLE_H
#define RINGFOLD_PAGE_TABLE_H

#include "base.h"

/* address: machine address of the entry (8-byte aligned); value: the new entry. */
#define RINGFOLD_PAGE_TABLE_SET 0U
/* The same, but accessed and dirty bits that the old entry has when it is replaced stay set, if both entries are
 * present and name the same frame. */
#define RINGFOLD_PAGE_TABLE_SET_KEEP_ACCESSED_DIRTY 1U
/* address: machine address of the first entry; count: entries, 1..512, within the same table; every present leaf among
 * them becomes (old & ~mask) | (value & mask); mask may name only present-independent flags: writable, user, accessed,
 * dirty, software bits 9-11 and 52-58, no-execute. Non-present entries and tables are passed over. All or nothing. */
#define RINGFOLD_PAGE_TABLE_FLAGS_RUN 2U
/* address: machine frame number; count: level 1..4. Validates the frame as that level and keeps it so. */
#define RINGFOLD_PAGE_TABLE_PIN 3U
/* address: machine frame number. */
#define RINGFOLD_PAGE_TABLE_UNPIN 4U
/* address: machine frame number of the L4 that the calling vCPU runs on from now; value: RINGFOLD_ROOT_FLUSH or KEEP. */
#define RINGFOLD_PAGE_TABLE_LOAD_ROOT 5U
/* count: RINGFOLD_FLUSH_* scope; value: number of 4 KiB pages from linear address `address` on, 0 = everything that is
 * not of another domain, all roots; mask: bitmap of vCPUs for RINGFOLD_FLUSH_VCPUS. Done when the call returns. */
#define RINGFOLD_PAGE_TABLE_FLUSH 6U

/* As SET, and the entry that was replaced is written to `mask`, with the accessed and dirty bits that it had then. */
#define RINGFOLD_PAGE_TABLE_EXCHANGE 7U

#define RINGFOLD_ROOT_FLUSH 0U /* drop what was cached for this root */
#define RINGFOLD_ROOT_KEEP 1U  /* what was cached for this root is still right */

#define RINGFOLD_FLUSH_LOCAL 0U
#define RINGFOLD_FLUSH_VCPUS 1U
#define RINGFOLD_FLUSH_ALL 2U

struct ringfold_page_table_operation {
	uint32_t operation; /* RINGFOLD_PAGE_TABLE_* */
	uint32_t count;
	uint64_t address;
	uint64_t value;
	uint64_t mask;
};
RINGFOLD_ASSERT_SIZE(struct ringfold_page_table_operation, 32);

/* At most this many operations in one call (128 fill a page of the call buffer). */
#define RINGFOLD_PAGE_TABLE_BATCH_MAX 2048U

/*
 * What an entry may be. Present entries:
 *  - bits 0-11 and 63 have their architectural meaning; bits 9-11 and 52-58 are the guest's; 59-62 must be 0;
 *  - global must be 0; PWT, PCD and PAT must be 0 (write-back) unless the frame is device memory the domain owns;
 *  - the frame must be RAM of the domain (or lent to it); a table entry names a frame that is, or can become, a table of
 *    the next lower level; a leaf that is writable names a frame that is no page table;
 *  - PS: L2 only, frame 2 MiB aligned, whole extent owned by the domain; writable only if it holds no page table;
 *  - L4 index 256 must be 0: it is Ringfold's. User (bit 2) may not be set there or matter.
 * Non-present entries (bit 0 clear) are software's, but must be harmless to L1TF: bits 12..51 read as a frame number must
 * be 0 or name no RAM (set the highest physical address bit, or invert).
 */
#define RINGFOLD_ENTRY_PRESENT (1ULL << 0)
#define RINGFOLD_ENTRY_WRITABLE (1ULL << 1)
#define RINGFOLD_ENTRY_USER (1ULL << 2)
#define RINGFOLD_ENTRY_WRITE_THROUGH (1ULL << 3)
#define RINGFOLD_ENTRY_CACHE_DISABLE (1ULL << 4)
#define RINGFOLD_ENTRY_ACCESSED (1ULL << 5)
#define RINGFOLD_ENTRY_DIRTY (1ULL << 6)
#define RINGFOLD_ENTRY_BIG (1ULL << 7) /* L2: 2 MiB leaf; L1: PAT */
#define RINGFOLD_ENTRY_GLOBAL (1ULL << 8)
#define RINGFOLD_ENTRY_FRAME_MASK 0x000ffffffffff000ULL
#define RINGFOLD_ENTRY_SOFTWARE 0x07f0000000000e00ULL
#define RINGFOLD_ENTRY_NO_EXECUTE (1ULL << 63)

#endif
