// SPDX-License-Identifier: Apache-2.0
// Milliseconds since the machine was switched on: the time-stamp counter begins with it, unless somebody set it. Argument: MHz that it counts at.
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

int main(int argc, char **argv)
{
	unsigned long long ticks = __rdtsc();
	double megahertz = argc == 2 ? atof(argv[1]) : 0;

	if (megahertz <= 0) {
		fprintf(stderr, "usage: since_power_on MHZ\n");
		return 2;
	}
	printf("%.0f\n", (double)ticks / megahertz / 1000);
	return 0;
}
