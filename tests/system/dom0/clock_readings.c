/* SPDX-License-Identifier: Apache-2.0 */
/* clock_readings SECONDS: what the monotonic clock says, in ns: 40 lines now, and 40 when so much time has gone by. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void read_clock(void)
{
	for (int line = 0; line < 40; line++) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		printf("%lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
		fflush(stdout);
		usleep(50000);
	}
}

int main(int count, char **words)
{
	if (count != 2)
		return 1;
	read_clock();
	sleep(strtoul(words[1], NULL, 0));
	read_clock();
	return 0;
}
