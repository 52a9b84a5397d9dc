/* SPDX-License-Identifier: MIT */
/* Scheduling: what domains, vCPUs and pools of CPUs are told about who runs where, and how much. docs/scheduler.md. */
#ifndef RINGFOLD_SCHEDULE_H
#define RINGFOLD_SCHEDULE_H

#include "base.h"

#define RINGFOLD_WEIGHT_NORMAL 256U
#define RINGFOLD_WEIGHT_MAX 65535U
#define RINGFOLD_CAP_NONE 0U
#define RINGFOLD_CAP_MAX 6400U
#define RINGFOLD_POOL_COUNT 8U

/* hypercalls domain_schedule_get and _set */
struct ringfold_domain_schedule {
	uint32_t weight;   /* of each vCPU; 1 to RINGFOLD_WEIGHT_MAX: who has twice the weight gets twice the time */
	uint32_t cap;      /* most CPU time of all vCPUs together, in per cent of one CPU; RINGFOLD_CAP_NONE: no limit */
	uint32_t pool;     /* the pool of CPUs on which it runs, below RINGFOLD_POOL_COUNT */
	uint32_t reserved; /* set: must be 0; get: 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_domain_schedule, 16);

/* hypercalls vcpu_schedule_get and _set. Bit n of a set of CPUs is CPU n. */
struct ringfold_vcpu_schedule {
	uint64_t affinity;  /* CPUs on which it may run; not 0. What of it is not in the pool does not count; if nothing of it is, all of it */
	uint64_t preferred; /* CPUs on which it had rather run; it runs elsewhere before it waits for them long. Not 0 */
	uint32_t cpu;       /* get: where it runs, or ran last; set: must be 0 */
	uint32_t reserved;  /* set: must be 0; get: 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_vcpu_schedule, 24);

#define RINGFOLD_POOL_SHARED 0U     /* vCPUs take turns */
#define RINGFOLD_POOL_ONE_TO_ONE 1U /* each vCPU owns a CPU from its start until it is offline */

/* hypercall pool_describe. All of it is written by the hypervisor. */
struct ringfold_pool_info {
	uint64_t cpus;
	uint32_t mode;    /* RINGFOLD_POOL_SHARED or _ONE_TO_ONE */
	uint32_t domains; /* how many are in it */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_pool_info, 16);

#endif
