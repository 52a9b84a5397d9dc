/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a program's 2 MiB pages: each property is shown in a line, `ok NAME`, or the program ends with what is wrong.
 * Argument: a number of pages that is free for hugetlb.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define PAGE 4096UL
#define BIG (2UL << 20)
#define COUNT 8UL
#define BYTES (COUNT * BIG)

static _Noreturn void fail(const char *what)
{
	printf("failed: %s\n", what);
	exit(1);
}

static void check(bool good, const char *what)
{
	if (!good)
		fail(what);
}

/* Bytes of the mapping at `address` that are mapped by big pages, by a line of /proc/self/smaps. */
static unsigned long big_bytes(const void *address, const char *key)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	unsigned long begin, end, kilobytes, sum = 0;
	const unsigned long place = (unsigned long)address;
	bool here = false;
	char line[512], name[64];

	check(maps != NULL, "/proc/self/smaps");
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2 && strchr(line, ':') > line + 20)
			here = begin < place + BYTES && end > place;
		else if (here && sscanf(line, "%63[^:]: %lu kB", name, &kilobytes) == 2 && strcmp(name, key) == 0)
			sum += kilobytes << 10;
	}
	fclose(maps);
	return sum;
}

static unsigned long anonymous(const void *address)
{
	return big_bytes(address, "AnonHugePages");
}

static void fill(uint64_t *memory, uint64_t seed)
{
	for (unsigned long word = 0; word < BYTES / sizeof(*memory); word += PAGE / sizeof(*memory) / 4)
		memory[word] = word * 0x9e3779b97f4a7c15 + seed;
}

static bool is_filled(const uint64_t *memory, uint64_t seed)
{
	for (unsigned long word = 0; word < BYTES / sizeof(*memory); word += PAGE / sizeof(*memory) / 4) {
		if (memory[word] != word * 0x9e3779b97f4a7c15 + seed)
			return false;
	}
	return true;
}

/* Aligned memory, of which nothing is there yet. */
static char *reserve(void)
{
	char *place = mmap(NULL, BYTES + BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *aligned = (char *)(((uintptr_t)place + BIG - 1) & ~(BIG - 1));

	check(place != MAP_FAILED, "mmap");
	if (aligned != place)
		munmap(place, aligned - place);
	munmap(aligned + BYTES, place + BIG - aligned);
	return aligned;
}

static char *big_memory(uint64_t seed)
{
	char *memory = reserve();

	check(madvise(memory, BYTES, MADV_HUGEPAGE) == 0, "MADV_HUGEPAGE");
	fill((uint64_t *)memory, seed);
	check(anonymous(memory) == BYTES, "a page that was touched is not a big one");
	return memory;
}

static void release(char *memory)
{
	check(munmap(memory, BYTES) == 0, "munmap");
}

/* Both write to what they share since the fork; status of the child. */
static void write_both(char *memory, uint64_t seed)
{
	const pid_t child = fork();
	int status;

	check(child >= 0, "fork");
	check(is_filled((uint64_t *)memory, seed), "what was there before the fork");
	if (child == 0) {
		fill((uint64_t *)memory, seed + 1);
		_exit(is_filled((uint64_t *)memory, seed + 1) ? 0 : 1);
	}
	check(waitpid(child, &status, 0) == child && status == 0, "the child's copy");
	check(is_filled((uint64_t *)memory, seed), "the child's writes are seen");
	fill((uint64_t *)memory, seed + 2);
	check(is_filled((uint64_t *)memory, seed + 2), "the parent's writes after the fork");
}

static void forked(void)
{
	char *memory = big_memory(1);

	write_both(memory, 1);
	release(memory);
	puts("ok copied after a fork");
}

/* A part of each big page gets other rights, is given back, or moves. */
static void split(void)
{
	char *memory = big_memory(2);

	for (unsigned long page = 0; page < COUNT; page++)
		check(mprotect(memory + page * BIG + 5 * PAGE, 7 * PAGE, PROT_READ) == 0, "mprotect");
	check(anonymous(memory) == 0, "what has two rights is mapped by small pages");
	check(is_filled((uint64_t *)memory, 2), "after mprotect");
	for (unsigned long page = 0; page < COUNT; page++)
		check(mprotect(memory + page * BIG, BIG, PROT_READ | PROT_WRITE) == 0, "mprotect back");
	fill((uint64_t *)memory, 3);
	check(is_filled((uint64_t *)memory, 3), "after mprotect back");
	release(memory);

	memory = big_memory(4);
	check(madvise(memory + BIG + PAGE, PAGE, MADV_DONTNEED) == 0, "MADV_DONTNEED");
	check(memory[BIG + PAGE] == 0 && anonymous(memory) == BYTES - BIG, "a page that was given back");
	fill((uint64_t *)memory, 4);
	check(is_filled((uint64_t *)memory, 4), "after MADV_DONTNEED");
	write_both(memory, 4);
	release(memory);
	puts("ok split");
}

static void moved(void)
{
	char *memory = big_memory(5);
	char *other = reserve();

	check(mremap(memory, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, other) == other, "mremap");
	check(anonymous(other) == BYTES && is_filled((uint64_t *)other, 5), "big pages that moved");
	release(other);
	puts("ok moved");
}

/* Rights of whole pages change without splitting them. */
static void protected(void)
{
	char *memory = big_memory(6);

	check(mprotect(memory, BYTES, PROT_READ) == 0 && is_filled((uint64_t *)memory, 6), "read-only");
	check(mprotect(memory, BYTES, PROT_NONE) == 0, "no rights");
	check(mprotect(memory, BYTES, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 && is_filled((uint64_t *)memory, 6), "all rights");
	check(anonymous(memory) == BYTES, "big pages with other rights");
	memory[BIG + 17] = (char)0xc3; /* ret */
	((void (*)(void))(memory + BIG + 17))();
	release(memory);
	puts("ok other rights");
}

/* The table of small pages makes room for a big one, and comes back. */
static void collapsed(void)
{
	char *memory = reserve();

	check(madvise(memory, BYTES, MADV_NOHUGEPAGE) == 0, "MADV_NOHUGEPAGE");
	fill((uint64_t *)memory, 7);
	check(anonymous(memory) == 0, "small pages");
	for (int round = 0; round < 3; round++) {
		check(madvise(memory, BYTES, MADV_HUGEPAGE) == 0 && madvise(memory, BYTES, MADV_COLLAPSE) == 0, "MADV_COLLAPSE");
		check(anonymous(memory) == BYTES && is_filled((uint64_t *)memory, 7 + round), "small pages that became big ones");
		check(mprotect(memory + 3 * PAGE, PAGE, PROT_NONE) == 0 && mprotect(memory + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0,
		      "mprotect of one page");
		check(anonymous(memory) == BYTES - BIG, "one of them is split");
		write_both(memory, 7 + round);
		fill((uint64_t *)memory, 8 + round);
	}
	release(memory);
	puts("ok collapsed");
}

/* Reading finds zeroes in one page for all; a write gets its own. */
static void zeroes(void)
{
	char *memory = reserve();
	unsigned long sum = 0;

	check(madvise(memory, BYTES, MADV_HUGEPAGE) == 0, "MADV_HUGEPAGE");
	for (unsigned long place = 0; place < BYTES; place += PAGE)
		sum += memory[place];
	check(sum == 0, "what nobody wrote");
	fill((uint64_t *)memory, 11);
	check(is_filled((uint64_t *)memory, 11), "written after it was read");
	release(memory);
	puts("ok zeroes");
}

/* Of the pool: private, and shared with a child. */
static void pool(unsigned long pages)
{
	char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	check(pages >= 2 * COUNT, "too few pages for hugetlb");
	check(memory != MAP_FAILED, "mmap of hugetlb");
	fill((uint64_t *)memory, 12);
	check(big_bytes(memory, "Private_Hugetlb") == BYTES, "private pages");
	write_both(memory, 12);
	check(mprotect(memory, BYTES, PROT_READ) == 0 && is_filled((uint64_t *)memory, 14), "read-only pages of the pool");
	release(memory);

	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	check(memory != MAP_FAILED, "mmap of shared hugetlb");
	fill((uint64_t *)memory, 15);
	if (fork() == 0) {
		fill((uint64_t *)memory, 16);
		_exit(0);
	}
	check(wait(NULL) > 0 && is_filled((uint64_t *)memory, 16), "the child's writes");
	release(memory);
	puts("ok of the pool");
}

int main(int count, char **arguments)
{
	forked();
	split();
	moved();
	protected();
	collapsed();
	zeroes();
	pool(count > 1 ? strtoul(arguments[1], NULL, 10) : 0);
	return 0;
}
