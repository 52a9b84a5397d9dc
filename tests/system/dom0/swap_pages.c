// SPDX-License-Identifier: Apache-2.0
//
// swap_pages MIB: fills so much memory, of its own and of no file, and looks through all of it. Who has less memory writes
// much of it to a disk and reads it again, however fast anything is. Status 1: a page has come back as another one.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096U
#define WORDS (PAGE / sizeof(uint64_t))

// No two pages are alike, and none is easily compressed.
static uint64_t word_of(uint64_t page, uint64_t word) { return (page * WORDS + word + 1) * 0x9e3779b97f4a7c15ULL; }

int main(int count, char **words) {
    const uint64_t page_count = count == 2 ? (strtoull(words[1], NULL, 0) << 20) / PAGE : 0;
    uint64_t(*memory)[WORDS] = mmap(NULL, page_count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    for (uint64_t page = 0; page < page_count; ++page) {
        for (uint64_t word = 0; word < WORDS; ++word) {
            memory[page][word] = word_of(page, word);
        }
    }
    for (uint64_t page = 0; page < page_count; ++page) {
        for (uint64_t word = 0; word < WORDS; ++word) {
            if (memory[page][word] != word_of(page, word)) {
                printf("page %lu, word %lu is wrong\n", page, word);
                return 1;
            }
        }
    }
    printf("%lu pages are what they were\n", page_count);
    return 0;
}
