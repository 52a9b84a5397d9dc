// SPDX-License-Identifier: Apache-2.0
//
// block_ranges zero|punch FILE OFFSET LENGTH: makes a range of a block device zero, and keeps it allocated, or not.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count != 5) {
        fprintf(stderr, "usage: block_ranges zero|punch FILE OFFSET LENGTH\n");
        return 2;
    }
    const int how = strcmp(words[1], "zero") == 0 ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE;
    const int file = open(words[2], O_RDWR);
    if (file < 0 || fallocate(file, how | FALLOC_FL_KEEP_SIZE, atoll(words[3]), atoll(words[4])) != 0 || close(file) != 0) {
        perror(words[2]);
        return 1;
    }
    return 0;
}
