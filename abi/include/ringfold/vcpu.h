/* SPDX-License-Identifier: MIT */
/*
 * The virtual CPU: its shared page, the entry points that it registers, and the state in which it starts.
 *
 * Selectors. The first sixteen GDT entries are Linux': kernel code 0x11 and data 0x19 (ring 1), user code 0x33 (64-bit)
 * and 0x23 (32-bit), user data 0x2b, three TLS slots at indices 12 to 14 (0x63, 0x6b, 0x73), the CPU number's limit at
 * index 15 (0x7b). The guest's LDT, if it set one, is loaded.
 *
 * Delivery. A system call, exception or upcall arrives at its registered entry point in ring 1 with the frame that
 * hardware would push, on the kernel stack of the vCPU page when it comes from ring 3, on the interrupted stack (aligned
 * down to 16 bytes) when it comes from ring 1:
 *
 *      entry RSP ->  [error code]     only for the exceptions that have one
 *                    RIP
 *                    CS               real selector; "from user" is CS & 2
 *                    RFLAGS           with the virtual interrupt flag in IF
 *                    RSP
 *                    SS
 *
 * The virtual interrupt flag is then 0, RFLAGS is 0x202, and, from ring 3, the GS base was exchanged: the user's is in
 * user_gs_base, the kernel's loaded from kernel_gs_base. All other registers are as they were; a system call leaves, as
 * hardware does, the return RIP in RCX and the flags in R11.
 * A SYSCALL of ring 1 that does not return to hypercall_return cannot be told from one of ring 3 and is delivered as such:
 * user selectors in the frame, GS base exchanged.
 * A frame that cannot be pushed (the range touches L4 slot 256, is not canonical, not mapped or not writable) becomes
 * a double fault: error code 0, the frame of the event that could not be delivered, on emergency_stack. If that cannot
 * be pushed either, or no double-fault entry is registered, the domain crashes; so it does if kernel_gs_base is not
 * canonical (on processors that check it).
 *
 * Return to ring 3. The kernel restores every register, exchanges the GS base (RDGSBASE/WRGSBASE and the page), points
 * RSP at return_frame in the vCPU page and executes, at the registered window:
 *
 *      window_start:   mov  byte [rsp + RINGFOLD_INTERRUPT_FLAG_OFFSET], 1
 *                      cmp  byte [rsp + RINGFOLD_UPCALL_PENDING_OFFSET], 0
 *                      jne  slow
 *      window_iretq:   iretq
 *      slow:           int  RINGFOLD_VECTOR_SLOW_RETURN
 *
 * The window ends behind `slow`, which must follow the IRETQ directly (at window_iretq + 2). An upcall inside the window
 * (after its first instruction) is delivered as if from return_frame. RINGFOLD_VECTOR_SLOW_
 * RETURN, from ring 1 only, returns to return_frame, or delivers the pending upcall from there. A fault of the return
 * itself (window_iretq, or the slow return's) arrives at bad_return with return_frame as its frame, below it the error
 * code, below that the vector, as if from ring 3.
 * A slow return checks return_frame: CS and SS must have RPL 3; RFLAGS is taken but for IF (set), IOPL, NT, VM, VIF and
 * VIP (cleared). Anything else is a bad return with vector 13.
 */
#ifndef RINGFOLD_VCPU_H
#define RINGFOLD_VCPU_H

#include "base.h"
#include "event.h"

#define RINGFOLD_MAX_VCPUS 64U

/* Where each vCPU sees its own page, in every address space; ring 3 cannot reach it. */
#define RINGFOLD_VCPU_PAGE_ADDRESS 0xffff800000050000ULL
/* The machine-to-physical table, read-only: a uint64_t for each machine frame; RINGFOLD_NO_FRAME if not this domain's
 * business is not promised: entries of other domains' frames may be read. */
#define RINGFOLD_MACHINE_TO_PHYSICAL_ADDRESS 0xffff800400000000ULL

#define RINGFOLD_KERNEL_CS 0x11U
#define RINGFOLD_KERNEL_DS 0x19U
#define RINGFOLD_USER32_CS 0x23U
#define RINGFOLD_USER_DS 0x2bU
#define RINGFOLD_USER_CS 0x33U
#define RINGFOLD_TLS_FIRST_INDEX 12U
#define RINGFOLD_TLS_COUNT 3U
#define RINGFOLD_CPU_NUMBER_SELECTOR 0x7bU

#define RINGFOLD_VECTOR_INT80 0x80U
#define RINGFOLD_VECTOR_SLOW_RETURN 0x81U

#define RINGFOLD_INTERRUPT_FLAG_OFFSET 40
#define RINGFOLD_UPCALL_PENDING_OFFSET 41

struct ringfold_return_frame {
	uint64_t rip;
	uint64_t cs;
	uint64_t rflags;
	uint64_t rsp;
	uint64_t ss;
};
RINGFOLD_ASSERT_SIZE(struct ringfold_return_frame, 40);

/*
 * Time: system time in nanoseconds since the hypervisor booted is
 *   system_time + (((rdtsc - tsc_timestamp) << tsc_shift) * tsc_multiplier >> 32)   (a negative shift shifts right)
 * Read between two equal, even values of `version`.
 */
struct ringfold_time {
	uint32_t version;        /* hypervisor writes; odd while it changes */
	int8_t tsc_shift;        /* hypervisor writes */
	uint8_t reserved[3];
	uint32_t tsc_multiplier; /* hypervisor writes */
	uint32_t reserved2;
	uint64_t tsc_timestamp;  /* hypervisor writes */
	uint64_t system_time;    /* hypervisor writes; ns */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_time, 32);

/*
 * Run state: read state, run_time and state_since between two equal, even values of state_version. What the vCPU spent
 * in a state until now is run_time[it], and for the present state system time - state_since more. Stolen time is
 * run_time[RINGFOLD_VCPU_RUNNABLE].
 */

/* One page a vCPU, in frames of the guest. Nothing in it is trusted by the hypervisor; what it reads it reads once. */
struct ringfold_vcpu_page {
	struct ringfold_return_frame return_frame; /* guest writes, before a return to ring 3 */
	uint8_t interrupt_flag;  /* both: 1 = upcalls may be delivered. The guest sets and clears it with plain stores */
	uint8_t upcall_pending;  /* both: the hypervisor sets it, the guest clears it (XCHG) before it looks for events */
	uint8_t preempted;       /* hypervisor writes: 1 = could run, but waits for a CPU. For the domain's other vCPUs */
	uint8_t reserved[5];
	uint64_t cr2;            /* gate writes: fault address of the page fault being delivered */
	uint64_t dr6;            /* gate writes: DR6 of the debug exception being delivered */
	uint64_t kernel_stack;   /* guest writes: initial RSP of deliveries from ring 3 */
	uint64_t emergency_stack;/* guest writes: initial RSP of a double fault */
	uint64_t kernel_gs_base; /* guest writes: GS base loaded on entry from ring 3 */
	uint64_t user_gs_base;   /* gate writes on entry from ring 3, guest loads on return: the inactive GS base */
	struct ringfold_time time;     /* hypervisor writes */
	uint32_t state;          /* hypervisor writes: RINGFOLD_VCPU_*; 0 in the page of a vCPU that never ran */
	uint32_t vcpu_id;        /* hypervisor writes */
	uint64_t run_time[4];    /* hypervisor writes: ns spent in each state RINGFOLD_VCPU_RUNNING..OFFLINE, until state_since */
	uint64_t state_since;    /* hypervisor writes: system time at which `state` began */
	uint32_t state_version;  /* hypervisor writes: odd while state, run_time and state_since change */
	uint32_t reserved3;
	uint8_t reserved2[2048 - 184];
	struct ringfold_event_area events; /* both: see event.h */
	uint8_t reserved4[4096 - 2048 - 776];
};
RINGFOLD_ASSERT_SIZE(struct ringfold_vcpu_page, 4096);
RINGFOLD_ASSERT_OFFSET(struct ringfold_vcpu_page, interrupt_flag, RINGFOLD_INTERRUPT_FLAG_OFFSET);
RINGFOLD_ASSERT_OFFSET(struct ringfold_vcpu_page, upcall_pending, RINGFOLD_UPCALL_PENDING_OFFSET);
RINGFOLD_ASSERT_OFFSET(struct ringfold_vcpu_page, cr2, 48);
RINGFOLD_ASSERT_OFFSET(struct ringfold_vcpu_page, user_gs_base, 88);
RINGFOLD_ASSERT_OFFSET(struct ringfold_vcpu_page, time, 96);
RINGFOLD_ASSERT_OFFSET(struct ringfold_vcpu_page, state_since, 168);
RINGFOLD_ASSERT_OFFSET(struct ringfold_vcpu_page, events, 2048);

#define RINGFOLD_VCPU_RUNNING 0U  /* on a physical CPU */
#define RINGFOLD_VCPU_RUNNABLE 1U /* waits for one */
#define RINGFOLD_VCPU_BLOCKED 2U  /* waits for an event */
#define RINGFOLD_VCPU_OFFLINE 3U  /* not started, or stopped */

/*
 * hypercall vcpu_register: entry points, all linear addresses in ring 1's half or 0 for "none". Checked: canonical and
 * outside L4 slot 256; window_start <= window_iretq. What is delivered to an entry point of 0: a system call or
 * exception becomes a double fault, an upcall stays pending.
 */
struct ringfold_vcpu_entries {
	uint64_t hypercall_return; /* a SYSCALL that returns exactly here is a hypercall; must be above user space */
	uint64_t syscall;          /* SYSCALL from 64-bit code */
	uint64_t syscall32;        /* SYSCALL from compatibility mode (AMD) */
	uint64_t int80;            /* INT 0x80 */
	uint64_t upcall;
	uint64_t bad_return;
	uint64_t window_start;     /* the return window, see above */
	uint64_t window_iretq;
	uint64_t exceptions[32];   /* by vector; [2] (NMI), [18] (#MC) are ignored, [8] is the double-fault entry */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_vcpu_entries, 320);

/* hypercall vcpu_start: where a vCPU begins, in ring 1, with interrupt_flag 0 and RFLAGS 0x202. */
struct ringfold_vcpu_context {
	uint64_t rip;        /* checked: canonical, outside slot 256 */
	uint64_t rsp;
	uint64_t argument;   /* in RDI */
	uint64_t root;       /* machine frame of an L4 table of the domain, or one that can become it */
	uint64_t vcpu_page;  /* machine frame of the domain, held writable until the vCPU is gone */
	uint64_t gs_base;    /* checked: canonical */
	uint64_t fs_base;    /* checked: canonical */
	uint64_t reserved;   /* must be 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_vcpu_context, 64);

/*
 * hypercalls vcpu_context_get and _set: a vCPU of another domain, between two of its instructions. What is checked where
 * the guest itself sets it is checked in the same way. Not in it: extended state (x87, vectors), the LDT, the call buffer,
 * and what is in the vCPU page.
 */
struct ringfold_vcpu_registers {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip;        /* checked: canonical, outside slot 256 */
	uint64_t rflags;     /* checked: IF and bit 1 set; IOPL, VM, VIF, VIP and reserved bits clear */
	uint16_t cs, ss;     /* checked: 0x11 with 0x19 or nothing, or both of RPL 3 */
	uint16_t ds, es, fs, gs; /* checked: nothing, of the LDT, or an index that a guest can load. What is no readable
	                          * segment when the vCPU runs becomes nothing */
	uint32_t debug_status; /* get: DR6 of the debug exception that has stopped it (domain_debug_set), 0: none. set: ignored,
	                        * and 0 from then on */
	uint64_t fs_base;    /* checked: canonical */
	uint64_t gs_base;    /* checked: canonical. The active one; the other one is in the vCPU page */
	uint64_t debug_addresses[4]; /* checked like debug_register_set */
	uint64_t debug_control;      /* checked like debug_register_set */
	uint64_t thread_descriptors[3]; /* checked like thread_descriptor_set */
	uint64_t cpu_number_descriptor; /* checked like thread_descriptor_set */
	uint64_t root;       /* machine frame; checked like that of ringfold_vcpu_context */
	uint64_t vcpu_page;  /* machine frame; cannot be changed */
	struct ringfold_vcpu_entries entries; /* checked like vcpu_register */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_vcpu_registers, 584);

#endif
