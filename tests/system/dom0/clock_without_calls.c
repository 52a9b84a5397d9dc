/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the clock often where only read, write and exit are allowed: another system call ends it with SIGKILL. Status 1: the
 * clock went backwards.
 */
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	struct timespec last, now;
	int status = 0;

	clock_gettime(CLOCK_MONOTONIC, &last); /* the C library looks for the kernel's code once */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
		return 2;
	for (int reading = 0; reading < 100000; reading++) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec < last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec))
			status = 1;
		last = now;
	}
	syscall(SYS_exit, status);
	return 3;
}
