/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what the kernel and the debug registers can count of this program, and says what was wrong. */
#define _GNU_SOURCE
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 300
#define STORES 7

static volatile long watched;

__attribute__((noinline)) void store(long value)
{
	watched = value;
}

static void touch_pages(void)
{
	char *memory = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int page = 0; page < PAGES; page++)
		memory[page * 4096] = 1;
	munmap(memory, PAGES * 4096);
}

/* Whoever forks so, waits until the child has let go of its memory: on one CPU, a switch at least, however fast anything is. */
static void yield_often(void)
{
	for (int turn = 0; turn < 100; turn++) {
		const pid_t child = vfork();

		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

static void store_often(void)
{
	for (long value = 0; value < STORES; value++)
		store(value);
}

static int check(const char *what, struct perf_event_attr attributes, void (*work)(void), uint64_t least, uint64_t most)
{
	uint64_t count = 0;
	int event;

	attributes.size = sizeof(attributes);
	event = syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
	if (event < 0) {
		printf("%s: no such event\n", what);
		return 1;
	}
	work();
	if (read(event, &count, sizeof(count)) != sizeof(count) || count < least || count > most) {
		printf("%s: %llu, not %llu to %llu\n", what, (unsigned long long)count, (unsigned long long)least, (unsigned long long)most);
		return 1;
	}
	close(event);
	printf("ok %s\n", what);
	return 0;
}

int main(void)
{
	const struct perf_event_attr faults = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_PAGE_FAULTS };
	const struct perf_event_attr switches = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CONTEXT_SWITCHES };
	const struct perf_event_attr clock = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_TASK_CLOCK };
	const struct perf_event_attr stores = {
		.type = PERF_TYPE_BREAKPOINT,
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&watched,
		.bp_len = sizeof(watched),
	};

	return check("page faults", faults, touch_pages, PAGES, PAGES + 50) | check("context switches", switches, yield_often, 100, 1000) |
	       check("task clock", clock, touch_pages, 1, 10000000000) | check("stores to a watched word", stores, store_often, STORES, STORES);
}
