/* SPDX-License-Identifier: MIT */
/* The machine, for a domain that may use hardware. */
#ifndef RINGFOLD_PLATFORM_H
#define RINGFOLD_PLATFORM_H

#include "base.h"

/* hypercall machine_memory_read: what the firmware says of physical memory. */
#define RINGFOLD_MEMORY_AVAILABLE 1U    /* RAM; start_info.h says which of it is the domain's */
#define RINGFOLD_MEMORY_RESERVED 2U
#define RINGFOLD_MEMORY_ACPI_TABLES 3U
#define RINGFOLD_MEMORY_ACPI_STORAGE 4U
#define RINGFOLD_MEMORY_DEFECTIVE 5U
struct ringfold_machine_range {
	uint64_t begin; /* machine address */
	uint64_t size;  /* bytes */
	uint32_t type;  /* RINGFOLD_MEMORY_* */
	uint32_t reserved; /* 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_machine_range, 24);

/* hypercalls port_read, port_write: bytes of one access. */
#define RINGFOLD_PORT_BYTE 1U
#define RINGFOLD_PORT_WORD 2U
#define RINGFOLD_PORT_DOUBLE_WORD 4U

#endif
