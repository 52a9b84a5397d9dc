/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace-device check: what /dev/ringfold-trace refuses, and what it keeps; the first thing that is wrong is named, with
 * status 1. trace-device hold: traces until it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ringfold_trace.h>

#define FRAMES 2
#define RING_SIZE (FRAMES * 4096UL)

static void expect(int holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "trace-device: %s (%s)\n", what, strerror(errno));
		exit(1);
	}
}

static int open_device(void)
{
	int device = open("/dev/ringfold-trace", O_RDWR | O_CLOEXEC);

	expect(device >= 0, "it cannot be opened");
	return device;
}

/* 0, or errno. */
static int start(int device, uint32_t classes, uint32_t frames, uint32_t reserved, uint32_t *cpus)
{
	struct ringfold_trace_start request = { .classes = classes, .frames = frames, .reserved = reserved };
	const int error = ioctl(device, RINGFOLD_TRACE_START, &request) == 0 ? 0 : errno;

	*cpus = request.cpus;
	return error;
}

static int stop(int device)
{
	return ioctl(device, RINGFOLD_TRACE_STOP) == 0 ? 0 : errno;
}

static volatile const uint64_t *map(int device, uint32_t cpus, int protection)
{
	void *rings = mmap(NULL, cpus * RING_SIZE, protection, MAP_SHARED, device, 0);

	return rings == MAP_FAILED ? NULL : rings;
}

/* Records, of all CPUs. */
static uint64_t count_records(volatile const uint64_t *rings, uint32_t cpus)
{
	uint64_t written = 0;

	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		written += rings[cpu * RING_SIZE / sizeof(*rings)];
	return written;
}

static void check_refusals(int device)
{
	uint32_t cpus = 1;

	expect(stop(device) == ENOENT, "a trace ends that never began");
	expect(start(device, 0, FRAMES, 0, &cpus) == EINVAL, "no class is taken");
	expect(start(device, 0x80, FRAMES, 0, &cpus) == EINVAL, "an unknown class is taken");
	expect(start(device, 1, 0, 0, &cpus) == ERANGE, "rings without pages are taken");
	expect(start(device, 1, 17, 0, &cpus) == ERANGE, "rings of 17 pages are taken");
	expect(start(device, 1, FRAMES, 1, &cpus) == EINVAL, "a reserved field is taken");
	expect(map(device, 1, PROT_READ) == NULL && errno == ENODATA, "there is a mapping before there is a trace");
	expect(ioctl(device, RINGFOLD_TRACE_START, NULL) == -1 && errno == EFAULT, "an argument may be nowhere");
}

static void check_mappings(int device, uint32_t cpus)
{
	volatile const uint64_t *rings = map(device, cpus, PROT_READ);

	expect(rings != NULL, "the rings cannot be mapped");
	expect(mprotect((void *)rings, RING_SIZE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES, "a mapping becomes writable");
	expect(map(device, cpus, PROT_READ | PROT_WRITE) == NULL && errno == EPERM, "the rings may be written");
	expect(map(device, cpus + 1, PROT_READ) == NULL, "more than the rings is mapped");
	expect(munmap((void *)rings, cpus * RING_SIZE) == 0, "a mapping stays");
}

/* A mapping holds the trace, also in a child; only when it is gone others may trace. */
static void check_lives(void)
{
	const int first = open_device();
	const int second = open_device();
	volatile const uint64_t *rings;
	uint64_t written;
	uint32_t cpus;
	int status;

	check_refusals(first);
	expect(start(first, 0x7f, FRAMES, 0, &cpus) == 0, "a trace does not begin");
	expect(start(first, 0x7f, FRAMES, 0, &cpus) == EEXIST, "a file traces twice");
	expect(start(second, 0x7f, FRAMES, 0, &cpus) == EBUSY, "two files trace");
	expect(stop(second) == ENOENT, "a file ends the trace of another one");
	check_mappings(first, cpus);
	rings = map(first, cpus, PROT_READ);
	close(first);
	written = count_records(rings, cpus);
	usleep(100000);
	expect(count_records(rings, cpus) > written, "the trace does not go on with its mapping");
	if (fork() == 0) {
		expect(munmap((void *)rings, cpus * RING_SIZE) == 0, "a child has no mapping");
		_exit(start(second, 1, FRAMES, 0, &cpus) == EBUSY ? 0 : 1);
	}
	expect(wait(&status) > 0 && status == 0, "another one traces while a mapping is left");
	expect(munmap((void *)rings, cpus * RING_SIZE) == 0, "the mapping stays");
	expect(start(second, 1, FRAMES, 0, &cpus) == 0, "a trace does not end with the last mapping");
	rings = map(second, cpus, PROT_READ);
	expect(stop(second) == 0 && stop(second) == ENOENT, "a trace does not end once");
	written = count_records(rings, cpus);
	usleep(100000);
	expect(count_records(rings, cpus) == written && rings[1] == RING_SIZE / 32 - 2, "the rings do not stay as they were");
	expect(start(second, 1, FRAMES, 0, &cpus) == EEXIST, "a file traces again");
}

int main(int count, char **words)
{
	uint32_t cpus;

	if (count == 2 && strcmp(words[1], "check") == 0) {
		check_lives();
		return 0;
	}
	if (count == 2 && strcmp(words[1], "hold") == 0) {
		expect(start(open_device(), 1, FRAMES, 0, &cpus) == 0, "a trace does not begin");
		pause();
	}
	fprintf(stderr, "usage: %s check|hold\n", words[0]);
	return 2;
}
