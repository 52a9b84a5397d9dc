/* SPDX-License-Identifier: GPL-2.0 */
/* What drivers of virtual devices need of the Ringfold port: pages that domains share, and ports between them. */
#ifndef _LINUX_RINGFOLD_DEVICE_H
#define _LINUX_RINGFOLD_DEVICE_H

#include <linux/types.h>

struct page;
struct vm_struct;

/* --- pages that this domain lends (arch/x86/ringfold/grant.c) --- */

/* The references are *first, *first + 1, ... */
int ringfold_grant_pages(unsigned int domain, struct page *const *pages, unsigned int count, u32 *first);
/*
 * Takes the grants back and frees the pages: at once, or when the other domain, which may be hostile, has let go of them.
 * Never waits.
 */
void ringfold_end_grants(u32 first, struct page *const *pages, unsigned int count);
/* There will be room for so many references; until they are not promised any more. -ENOBUFS: there is none. */
int ringfold_promise_grants(unsigned int count);
void ringfold_end_promise(unsigned int count);
/* A domain has not let go of a page whose grant was to end. */
bool ringfold_grants_wait_for(unsigned int domain);
/* References in use, and those of them whose pages wait for the other domain. */
void ringfold_count_grants(unsigned int *used, unsigned int *waiting);

/* --- pages that this domain borrows (arch/x86/ringfold/borrow.c) --- */

struct ringfold_borrowed {
	void *address; /* of all pages, one behind the other; NULL: there are none */
	struct vm_struct *area;
	unsigned int count;
	u32 *handles;
};

int ringfold_borrow(unsigned int domain, u32 first, unsigned int count, struct ringfold_borrowed *borrowed);
void ringfold_give_back(struct ringfold_borrowed *borrowed);

/* --- ports (arch/x86/ringfold/channel.c): each is an interrupt, whose number these return --- */

int ringfold_offer_channel(unsigned int domain, unsigned int cpu);
int ringfold_connect_channel(unsigned int domain, u32 port, unsigned int cpu);
/* Nobody has requested the interrupt any more. */
void ringfold_close_channel(int irq);
u32 ringfold_channel_port(int irq);
void ringfold_notify(int irq);
/* Somebody is at the other end. */
bool ringfold_channel_connected(int irq);

/* How much memory this domain is to have (arch/x86/ringfold/balloon.c), in MiB. -ERANGE: none, or more than it can have. */
int ringfold_set_memory_target(u32 mebibytes);

/* This domain's number. */
unsigned int ringfold_own_domain(void);
/* Whether a domain runs, or may run again. */
bool ringfold_domain_lives(unsigned int domain);
/* Most that it may start; 0: there is no such domain. */
unsigned int ringfold_domain_vcpus(unsigned int domain);

/* Where this domain's control page is, as its builder said. Domain 0: there is none. */
struct ringfold_control_place {
	u32 domain;
	u32 reference;
	u32 port;
};

extern struct ringfold_control_place ringfold_control_place;

#endif
