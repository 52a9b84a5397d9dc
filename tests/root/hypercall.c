/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hypercall NUMBER [ARGUMENT...]: issues one through /dev/ringfold and prints its status and value. An argument @N is an
 * offset into a page of zeros. Exits with 0 if the kernel issued it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <linux/ringfold.h>

int main(int count, char **words)
{
	static char data[4096];
	struct ringfold_request request = { .data = (uintptr_t)data, .data_size = sizeof(data) };
	int device = open("/dev/ringfold", O_RDWR | O_CLOEXEC);

	if (count < 2 || count > 8) {
		fprintf(stderr, "usage: %s NUMBER [ARGUMENT...]\n", words[0]);
		return 2;
	}
	if (device < 0) {
		perror("/dev/ringfold");
		return 1;
	}
	request.number = strtoul(words[1], NULL, 0);
	for (int index = 2; index < count; index++) {
		const int is_offset = words[index][0] == '@';

		request.arguments[index - 2] = strtoull(words[index] + is_offset, NULL, 0);
		request.offsets |= (unsigned int)is_offset << (index - 2);
	}
	if (ioctl(device, RINGFOLD_REQUEST, &request) != 0) {
		perror("RINGFOLD_REQUEST");
		return 1;
	}
	printf("%lld %llu\n", (long long)request.status, (unsigned long long)request.value);
	return 0;
}
