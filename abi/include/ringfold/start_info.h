/* SPDX-License-Identifier: MIT */
/*
 * What a guest finds at its start. vCPU 0 begins in ring 1 at the image's entry with RDI = linear address of the
 * start-info page, RSP = stack_top, RFLAGS 0x202, interrupt_flag 0, nothing registered.
 *
 * Memory: frame_count pseudo-physical frames, those of `ranges`, ascending. Of a domain with RINGFOLD_START_IDENTITY (dom0)
 * they are machine frames; of any other they are 0 .. frame_count - 1, each backed by a machine frame that
 * physical_to_machine names. There, some frames at the end may have RINGFOLD_NO_FRAME: they have none until the guest populates
 * them, which its maximum allows.
 *
 * mapped_frames of them, from first_frame on, are mapped with 4 KiB pages at virtual_base + ((frame - first_frame) << 12);
 * virtual_base is the image's p_vaddr - p_paddr (a segment with p_vaddr 0 only has to have a p_paddr), and first_frame is 0
 * but in dom0, whose image is loaded so much further up. They are no-execute and writable, but for the image, which has the
 * flags of its segments, and page tables, which are read-only. Behind the image follow: module (if any), this page,
 * physical_to_machine (not with RINGFOLD_START_IDENTITY), page tables, stack (4 pages), vCPU 0's page; free frames from
 * first_free_frame on, which are cleared, but in dom0. With RINGFOLD_START_IDENTITY the mapped frames lie within one
 * aligned GiB.
 */
#ifndef RINGFOLD_START_INFO_H
#define RINGFOLD_START_INFO_H

#include "base.h"

#define RINGFOLD_START_INFO_MAGIC 0x646c6f66676e6972ULL /* "ringfold" */

/* ELF note of a guest image: owner "Ringfold". */
#define RINGFOLD_NOTE_OWNER "Ringfold"
#define RINGFOLD_NOTE_ABI_VERSION 1U   /* uint32_t: the ABI the image was built for */
#define RINGFOLD_NOTE_MAPPED_BYTES 2U  /* uint64_t: how much memory to map at the start; default: all, at most 64 MiB */
#define RINGFOLD_NOTE_HYPERCALL_RETURN 3U /* uint64_t: linear return address of hypercalls, see vcpu.h; required */
#define RINGFOLD_NOTE_ENTRY 4U         /* uint64_t: linear address where vCPU 0 begins; default: the ELF entry */

#define RINGFOLD_START_IDENTITY (1ULL << 0)   /* pseudo-physical = machine frame numbers */
#define RINGFOLD_START_PRIVILEGED (1ULL << 1) /* the control domain */
#define RINGFOLD_START_DEBUG (1ULL << 2)      /* a debug build of the hypervisor: audit and histograms are there */
#define RINGFOLD_START_PCID (1ULL << 3)       /* translations are tagged */
#define RINGFOLD_START_TSC (1ULL << 4)        /* struct ringfold_time says the same on all vCPUs, for ever: any code may read the TSC */
#define RINGFOLD_START_BIG_EXECUTABLE (1ULL << 5) /* 2 MiB pages need not be no-execute */

/* Pseudo-physical frames first .. first + count - 1. */
struct ringfold_memory_range {
	uint64_t first;
	uint64_t count;
};
RINGFOLD_ASSERT_SIZE(struct ringfold_memory_range, 16);
#define RINGFOLD_START_RANGES 32U
#define RINGFOLD_ACPI_ROOT_SIZE 36U
#define RINGFOLD_CORE_NOTE_MAX 65536U

struct ringfold_start_info {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t domain_id;
	uint64_t flags;                /* RINGFOLD_START_* */
	uint32_t vcpu_count;           /* most vCPUs that the domain may start, vCPU 0 included */
	uint32_t range_count;
	uint64_t frame_count;
	uint64_t virtual_base;
	uint64_t mapped_frames;
	uint64_t physical_to_machine;  /* linear address of uint64_t[frame_count]; 0 in dom0 */
	uint64_t root;                 /* machine frame of the L4 that vCPU 0 starts on */
	uint64_t page_tables;          /* pseudo-physical frame of the first page table */
	uint64_t page_table_count;
	uint64_t stack_top;
	uint64_t vcpu_page;            /* pseudo-physical frame of vCPU 0's page */
	uint64_t first_free_frame;     /* pseudo-physical */
	uint64_t module_address;       /* linear; 0 if there is none */
	uint64_t module_size;          /* bytes */
	char command_line[1024];       /* NUL-terminated */
	uint64_t first_frame;
	struct ringfold_memory_range ranges[RINGFOLD_START_RANGES];
	/* Of a domain that may use hardware: an ACPI root pointer (RSDP, revision 2) for the machine's tables; otherwise zeroes. */
	uint8_t acpi_root[RINGFOLD_ACPI_ROOT_SIZE];
	uint32_t reserved;
	/* Where the control page is (device.h), as a grant and a port of another domain's. Domain 0: there is none. */
	uint32_t control_domain;
	uint32_t control_reference;
	uint32_t control_port;
	uint32_t reserved2;
	/*
	 * Written by the guest, if it likes: the pseudo-physical address of an ELF note, in memory that is contiguous, and how
	 * much there is of it (what is behind the note does not matter). A core of the guest has the note, for whoever
	 * analyses it; Linux leaves its "VMCOREINFO". Size 0: there is none.
	 */
	uint64_t core_note;
	uint64_t core_note_size;       /* bytes, at most RINGFOLD_CORE_NOTE_MAX; written last */
};
RINGFOLD_ASSERT_OFFSET(struct ringfold_start_info, command_line, 128);
RINGFOLD_ASSERT_OFFSET(struct ringfold_start_info, acpi_root, 1672);
RINGFOLD_ASSERT_OFFSET(struct ringfold_start_info, control_domain, 1712);
RINGFOLD_ASSERT_OFFSET(struct ringfold_start_info, core_note, 1728);
RINGFOLD_ASSERT_SIZE(struct ringfold_start_info, 1744);

#endif
