/* SPDX-License-Identifier: MIT */
/*
 * Grants: how a domain (the granter) lets another one (the borrower) use single frames of its memory.
 *
 * The grant table is an array of entries in frames that the granter registers page by page (hypercall grant_table_set):
 * entry n lies in page n / RINGFOLD_GRANTS_PER_PAGE. Its number is the *reference* that the granter tells the borrower.
 * An entry alone gives the right to use its frame; no other permission is needed.
 *
 * What a borrower does with a reference:
 *  - grant_map gives it a *right* to map the frame, with a handle for it. Page-table entries may then name the frame as if
 *    it were the borrower's own (read-only, or writable unless the grant or the right is read-only), as 4 KiB leaves only:
 *    never as a page table, within a 2 MiB page, as call buffer or vCPU page. grant_unmap gives the right up; it is refused
 *    while an entry is left that needs it.
 *  - grant_copy moves bytes between two frames, each the caller's own or granted to it.
 *  - grant_transfer gives a frame of the caller's away to a domain that accepts one.
 *
 * Changing an entry. `control` is changed by both sides, so both use locked operations on all 32 bits of it. `frame` is
 * read by the hypervisor only after it has claimed the entry, once for each use.
 *
 * To grant:                                       To use (the hypervisor, for each map and each side of a copy):
 *   1. write frame                                  1. read control; refused unless it permits this domain this access
 *   2. store barrier (x86: none but the             2. compare-exchange control to the same with READING (and WRITING)
 *      compiler's)                                     set; if it changed, from 1 on, a few times
 *   3. write control, in use bits 0                 3. read frame (after 2)
 *                                                   4. hold the frame: it can be no page table (if writable), and goes
 * To revoke:                                           to nobody else, until 6
 *   1. read control; if READING or WRITING          5. the use, for a map until its grant_unmap
 *      is set, the frame is still used: later       6. let go of the frame, flushed from every processor
 *   2. compare-exchange control to 0; if it         7. if this was the last use of the entry, clear READING, and
 *      changed, from 1 on                              WRITING if it was the last writable one
 *   3. the frame is the granter's alone
 *
 * Between them: a use whose step 2 comes before the revocation's step 2 makes that one fail; one that comes later finds
 * no permission. To make a grant read-only that was writable is done in the same way, when WRITING is not set. A granter
 * that writes control otherwise, or changes frame while a bit is set, harms itself only: the hypervisor counts uses in
 * memory of its own and holds the frame that each use has read. If it dies, its borrowers keep what they hold until they
 * let go.
 *
 * To receive a frame, an entry ACCEPTs it from a domain; `frame` is then the pseudo-physical frame number under which the
 * machine-to-physical table is to show it. A transfer sets TRANSFERRING (the offer can then not be withdrawn), moves the
 * frame, writes its machine frame number to `frame`, and then sets TRANSFERRED; if it fails, TRANSFERRING goes again.
 */
#ifndef RINGFOLD_GRANT_H
#define RINGFOLD_GRANT_H

#include "base.h"

struct ringfold_grant_entry {
	uint32_t control;  /* RINGFOLD_GRANT_*, and the other domain in bits 16-31; both write */
	uint32_t reserved; /* the granter's own */
	uint64_t frame;    /* the granter's machine frame; see above for ACCEPT */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_grant_entry, 16);
RINGFOLD_ASSERT_OFFSET(struct ringfold_grant_entry, frame, 8);

#define RINGFOLD_GRANTS_PER_PAGE 256U

#define RINGFOLD_GRANT_KIND_MASK 0x3U
#define RINGFOLD_GRANT_NOTHING 0x0U
#define RINGFOLD_GRANT_PERMIT 0x1U /* the domain may use the frame */
#define RINGFOLD_GRANT_ACCEPT 0x2U /* the domain may transfer a frame */
#define RINGFOLD_GRANT_READ_ONLY (1U << 2)
/* Written by the hypervisor. */
#define RINGFOLD_GRANT_READING (1U << 8)  /* in use */
#define RINGFOLD_GRANT_WRITING (1U << 9)  /* in use by somebody who may write */
#define RINGFOLD_GRANT_TRANSFERRING (1U << 10)
#define RINGFOLD_GRANT_TRANSFERRED (1U << 11)
#define RINGFOLD_GRANT_DOMAIN_SHIFT 16U

/* At most this many elements in one of the calls below. Each element has its own status: 0, or a negated error that
 * concerns this element only; those after it are done all the same. */
#define RINGFOLD_GRANT_BATCH_MAX 512U

#define RINGFOLD_GRANT_MAP_READ_ONLY 1U

struct ringfold_grant_map_element {
	uint16_t domain;    /* in: the granter */
	uint16_t flags;     /* in: RINGFOLD_GRANT_MAP_READ_ONLY or 0 */
	uint32_t reference; /* in */
	uint64_t frame;     /* out: machine frame for page-table entries; 0 if refused */
	uint32_t handle;    /* out: for grant_unmap; 0 if refused. A number is not given twice before 2^32 others were */
	int32_t status;     /* out */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_grant_map_element, 24);

struct ringfold_grant_unmap_element {
	uint32_t handle; /* in */
	int32_t status;  /* out */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_grant_unmap_element, 8);

/* Where bytes come from or go to, within one page. */
struct ringfold_grant_copy_end {
	uint64_t page;   /* a machine frame of the caller's, or a reference */
	uint16_t domain; /* the granter; only for a reference, else 0 */
	uint16_t offset; /* of the first byte in the page */
	uint32_t flags;  /* RINGFOLD_GRANT_COPY_GRANTED or 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_grant_copy_end, 16);

#define RINGFOLD_GRANT_COPY_GRANTED 1U /* page is a reference */

/* The ranges may overlap: the destination then gets what the source held before. */
struct ringfold_grant_copy_element {
	struct ringfold_grant_copy_end source;      /* in */
	struct ringfold_grant_copy_end destination; /* in */
	uint32_t length;                            /* in: bytes; neither range may leave its page */
	int32_t status;                             /* out */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_grant_copy_element, 40);

struct ringfold_grant_transfer_element {
	uint64_t frame;     /* in: machine frame of the caller's, without any use */
	uint16_t domain;    /* in: who gets it */
	uint16_t reserved;  /* in: 0 */
	uint32_t reference; /* in: its entry that accepts */
	int32_t status;     /* out */
	uint32_t reserved2; /* in: 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_grant_transfer_element, 24);

/* hypercall grant_describe: the caller's limits, and how much of each is used. */
struct ringfold_grant_info {
	uint32_t table_pages;  /* registered */
	uint32_t table_limit;  /* pages that may be; indices are below it */
	uint32_t entries_used; /* of its table, by others */
	uint32_t handles;      /* rights to map frames of others */
	uint32_t handle_limit; /* rights that it may have */
	uint32_t reserved;     /* 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_grant_info, 24);

#endif
