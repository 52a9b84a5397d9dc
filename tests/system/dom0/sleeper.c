// SPDX-License-Identifier: Apache-2.0
//
// What a core of a guest is looked through for: a program that sleeps for ever in pause(), with a text at a known
// address of a small page, one in the second half of a 2 MiB page, a page that nobody may touch and a file that is
// open. `sleeper load`: one that never sleeps.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SMALL ((char *)0x700000000000)
#define BIG ((char *)0x710000000000)
#define UNTOUCHED ((char *)0x720000000000)
#define BIG_SIZE (2UL << 20)

static int map(char *at, size_t size)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	return mmap(at, size, PROT_READ | PROT_WRITE, flags, -1, 0) == at ? 0 : -1;
}

static int is_huge(void)
{
	FILE *const maps = fopen("/proc/self/smaps", "r");
	unsigned long kibibytes = 0;
	char line[256];

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		unsigned long here;

		if (sscanf(line, "AnonHugePages: %lu", &here) == 1)
			kibibytes += here;
	}
	return kibibytes == BIG_SIZE >> 10;
}

int main(int count, char **arguments)
{
	if (count > 1 && strcmp(arguments[1], "load") == 0) {
		for (;;)
			__asm__ volatile("");
	}
	if (map(SMALL, 4096) != 0 || map(BIG, BIG_SIZE) != 0 || map(UNTOUCHED, 4096) != 0) {
		perror("sleeper: mmap");
		return 1;
	}
	if (madvise(BIG, BIG_SIZE, MADV_HUGEPAGE) != 0) {
		perror("sleeper: madvise");
		return 1;
	}
	strcpy(SMALL + 0x100, "ringfold-small-page");
	strcpy(BIG + 0x123000, "ringfold-big-page");
	if (open("/proc/version", O_RDONLY) < 0 || chdir("/tmp") != 0) {
		perror("sleeper");
		return 1;
	}
	printf("sleeper: %d %s\n", getpid(), is_huge() ? "huge" : "small");
	fflush(stdout);
	for (;;)
		pause();
}
