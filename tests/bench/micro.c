/* SPDX-License-Identifier: Apache-2.0 */
/*
 * micro [REPEATS]: what a kernel's basic operations take, in ns each: the least of several runs, one line an operation. On
 * Ringfold, the hypervisor's counters for one operation follow.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGES 2048 /* 8 MiB */
#define PAGE 4096

static char *self;
static char *area;
static int there[2], back[2];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void null_call(void)
{
	syscall(SYS_getppid);
}

static void stat_file(void)
{
	struct stat status;

	if (stat("/bin/busybox", &status) != 0)
		fail("stat");
}

/* PAGES faults. */
static void faults(void)
{
	char *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		fail("mmap");
	for (unsigned int page = 0; page < PAGES; page++)
		pages[page * PAGE] = 1;
	munmap(pages, PAGES * PAGE);
}

/* There and back. */
static void protect(void)
{
	if (mprotect(area, PAGES * PAGE, PROT_READ) != 0 || mprotect(area, PAGES * PAGE, PROT_READ | PROT_WRITE) != 0)
		fail("mprotect");
}

static void wait_for(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		fail("child");
}

static void fork_exit(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	wait_for(child);
}

static void fork_exec(void)
{
	pid_t child = fork();

	if (child == 0) {
		execl(self, self, "nothing", (char *)NULL);
		_exit(1);
	}
	wait_for(child);
}

static void round_trip(void)
{
	char byte = 0;

	if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
		fail("pipe");
}

static void echo(void)
{
	char byte;

	while (read(there[0], &byte, 1) == 1) {
		if (write(back[1], &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static const struct operation {
	const char *name;
	void (*run)(void);
	unsigned int times; /* at once */
	unsigned int units; /* operations in one run */
} operations[] = {
	{ "null system call", null_call, 2000, 1 },
	{ "stat", stat_file, 500, 1 },
	{ "anonymous page fault", faults, 1, PAGES },
	{ "mprotect of 8 MiB", protect, 4, 2 },
	{ "fork and exit", fork_exit, 20, 1 },
	{ "fork and exec", fork_exec, 20, 1 },
	{ "pipe round trip", round_trip, 200, 1 },
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t run(const struct operation *operation)
{
	uint64_t begin = now();

	for (unsigned int time = 0; time < operation->times; time++)
		operation->run();
	return now() - begin;
}

/* Counters of the hypervisor by name; their number, 0 where there is none. */
struct counter {
	char name[40];
	unsigned long long value;
};
#define COUNTERS 160

static int read_counters(struct counter *counters)
{
	FILE *file = fopen("/sys/hypervisor/counters", "r");
	int count = 0;

	if (file == NULL)
		return 0;
	while (count < COUNTERS && fscanf(file, "%39s %llu", counters[count].name, &counters[count].value) == 2)
		count++;
	fclose(file);
	return count;
}

static unsigned long long value_of(const struct counter *counters, int count, const char *name)
{
	for (int index = 0; index < count; index++) {
		if (strcmp(counters[index].name, name) == 0)
			return counters[index].value;
	}
	return 0;
}

static void show_counters(const struct operation *operation)
{
	static struct counter before[COUNTERS], after[COUNTERS];
	int had = read_counters(before);
	int has;

	run(operation);
	has = read_counters(after);
	for (int index = 0; index < has; index++) {
		double each = (double)(after[index].value - value_of(before, had, after[index].name)) / (operation->times * operation->units);

		if (each >= 0.01 && strcmp(after[index].name, "free_frames") != 0)
			printf("counter|%s|%s|%.2f\n", operation->name, after[index].name, each);
	}
}

int main(int count, char **words)
{
	unsigned int repeats = count > 1 ? strtoul(words[1], NULL, 0) : 5;

	if (count > 1 && strcmp(words[1], "nothing") == 0)
		return 0;
	self = words[0];
	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (area == MAP_FAILED || pipe(there) != 0 || pipe(back) != 0)
		fail("start");
	madvise(area, PAGES * PAGE, MADV_NOHUGEPAGE);
	if (fork() == 0)
		echo();
	for (unsigned int index = 0; index < sizeof(operations) / sizeof(operations[0]); index++) {
		const struct operation *operation = &operations[index];
		uint64_t best = UINT64_MAX;

		for (unsigned int repeat = 0; repeat <= repeats; repeat++) {
			uint64_t took = run(operation);

			if (repeat > 0 && took < best) /* the first one warms up */
				best = took;
		}
		printf("time|%s|%.1f\n", operation->name, (double)best / (operation->times * operation->units));
		show_counters(operation);
	}
	return 0;
}
