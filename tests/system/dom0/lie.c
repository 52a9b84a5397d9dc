// SPDX-License-Identifier: Apache-2.0
//
// lie TABLE DOMAIN SEED LIES KIND-NUMBER...: a back end that lies. Writes what it likes into the device pages and queues that this
// control domain shares with a guest, for devices of a kind (1: disks, 2: interfaces) with their numbers; the honest back end goes on
// beside it. TABLE: where in the kernel's .bss it keeps the pages of its grant table.
//
// Only what is the back end's to write is written, while the guest is paused and has mapped it: so no page of it becomes something
// else meanwhile, whatever the honest back end does. A paused guest may be anywhere, also between two reads.
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/ringfold.h>
#include <linux/ringfold_backend.h>

#include <ringfold/block.h>
#include <ringfold/domain.h>
#include <ringfold/grant.h>
#include <ringfold/hypercall_numbers.h>
#include <ringfold/network.h>

#define PAGE 4096U
#define DIRECT_MAP 0xffff888000000000ULL
#define REQUESTS_AT (4 * PAGE) // of the call buffer: where the kernel puts what is asked through /dev/ringfold
#define MOST_DEVICES 64U
#define MOST_TABLE_PAGES 256U
#define WORD sizeof(uint32_t)

static int control, backend;
static uint32_t domain;
static uint64_t table; // physical

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    printf("\n");
    exit(1);
}

// --- the machine's memory ---

static void issue(struct ringfold_request *request) {
    if (ioctl(control, RINGFOLD_REQUEST, request) != 0) {
        fail("RINGFOLD_REQUEST %u: %m", request->number);
    }
}

static void copy(uint32_t direction, uint64_t address, void *bytes, uint32_t length) {
    struct {
        struct ringfold_domain_copy_element element;
        uint8_t bytes[PAGE];
    } data = {.element = {.frame = address / PAGE, .buffer_offset = REQUESTS_AT + sizeof data.element, .frame_offset = address % PAGE, .length = length}};
    memcpy(data.bytes, bytes, length);
    struct ringfold_request request = {.number = RINGFOLD_HYPERCALL_DOMAIN_COPY, .offsets = 1U << 2, .arguments = {RINGFOLD_DOMAIN_SELF, direction, 0, 1}, .data = (uintptr_t)&data, .data_size = sizeof data.element + length};
    issue(&request);
    if (request.status != 0) {
        fail("domain_copy at %#lx: %lld", address, request.status);
    }
    memcpy(bytes, data.bytes, length);
}

static void peek(uint64_t address, void *bytes, uint32_t length) { copy(RINGFOLD_DOMAIN_COPY_OUT, address, bytes, length); }
static void poke(uint64_t address, uint32_t word) { copy(RINGFOLD_DOMAIN_COPY_IN, address, &word, sizeof word); }

static uint64_t begin_of_bss(void) {
    char line[200];
    unsigned long begin;
    FILE *file = fopen("/proc/iomem", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, "Kernel bss") != NULL && sscanf(line, "%lx", &begin) == 1 && begin != 0) {
            fclose(file);
            return begin;
        }
    }
    fail("/proc/iomem does not say where the kernel's .bss is");
    return 0;
}

// The physical address of a page that the guest was granted, and has mapped; 0: it has not.
static uint64_t granted(uint32_t reference) {
    struct ringfold_grant_entry entry;
    uint64_t page = 0;
    if (reference / RINGFOLD_GRANTS_PER_PAGE < MOST_TABLE_PAGES) {
        peek(table + reference / RINGFOLD_GRANTS_PER_PAGE * sizeof page, &page, sizeof page);
    }
    if (page < DIRECT_MAP) {
        return 0;
    }
    peek(page - DIRECT_MAP + reference % RINGFOLD_GRANTS_PER_PAGE * sizeof entry, &entry, sizeof entry);
    const int is_mapped = (entry.control & RINGFOLD_GRANT_WRITING) != 0 && entry.control >> RINGFOLD_GRANT_DOMAIN_SHIFT == domain;
    return is_mapped ? entry.frame * PAGE : 0;
}

static void pause_guest(void) {
    struct ringfold_request request = {.number = RINGFOLD_HYPERCALL_DOMAIN_PAUSE, .arguments = {domain}};
    do {
        issue(&request);
        request.arguments[1] |= request.value;
    } while (request.status == -RINGFOLD_EAGAIN);
    if (request.status != 0) {
        fail("domain %u cannot be paused: %lld", domain, request.status);
    }
}

static void unpause_guest(void) {
    struct ringfold_request request = {.number = RINGFOLD_HYPERCALL_DOMAIN_UNPAUSE, .arguments = {domain}};
    issue(&request);
}

// --- devices ---

struct device {
    uint16_t kind, number;
    uint64_t page;
    uint64_t lied_at; // in its list of queues; 0: nowhere
    uint32_t lie, truth;
};

// Whoever has granted the page has written its magic there, and lists devices behind it.
static int is_control_page(uint64_t page, struct ringfold_control_page *control_page) {
    if (page == 0) {
        return 0;
    }
    peek(page, control_page, sizeof *control_page);
    return control_page->magic == RINGFOLD_CONTROL_MAGIC;
}

static uint64_t find_device(uint16_t kind, uint16_t number) {
    struct ringfold_control_page control_page;
    for (uint32_t reference = 0; reference < MOST_TABLE_PAGES * RINGFOLD_GRANTS_PER_PAGE; ++reference) {
        if (!is_control_page(granted(reference), &control_page)) {
            continue;
        }
        for (uint32_t place = 0; place < RINGFOLD_CONTROL_DEVICES; ++place) {
            const struct ringfold_control_device *entry = &control_page.devices[place];
            if (entry->generation != 0 && entry->kind == kind && entry->number == number) {
                return granted(entry->reference);
            }
        }
        break;
    }
    fail("domain %u has no device %u-%u", domain, kind, number);
    return 0;
}

// What its ends say: the states, and how many queues are connected.
static struct ringfold_backend_device look_at(const struct device *device) {
    static struct ringfold_backend_device devices[MOST_DEVICES];
    struct ringfold_backend_list list = {.domain = domain, .count = MOST_DEVICES, .devices = (uintptr_t)devices};
    if (ioctl(backend, RINGFOLD_BACKEND_LIST, &list) != 0) {
        fail("RINGFOLD_BACKEND_LIST: %m");
    }
    for (uint32_t index = 0; index < list.count && index < MOST_DEVICES; ++index) {
        if (devices[index].kind == device->kind && devices[index].number == device->number) {
            return devices[index];
        }
    }
    fail("device %u-%u is gone", device->kind, device->number);
    return devices[0];
}

// --- lies ---

static uint64_t state;
static uint32_t drawn(uint32_t limit) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(state >> 33) % limit;
}

// Near what is there, near an end of all numbers, or anything.
static uint32_t lie_about(uint32_t truth) {
    static const uint32_t ends[] = {0, 1, 2, 127, 128, 511, 512, 4095, 4096, 65535, 65536, 0x7fffffff, 0x80000000, 0x80000001, 0xffffff80, 0xffffffff};
    switch (drawn(4)) {
        case 0:
            return truth + 1 + drawn(4);
        case 1:
            return truth - 1 - drawn(200);
        case 2:
            return ends[drawn(sizeof ends / sizeof *ends)];
        default:
            return drawn(1U << 31) * 2 + drawn(2);
    }
}

static void lie_at(uint64_t address) {
    uint32_t truth;
    peek(address, &truth, sizeof truth);
    poke(address, lie_about(truth));
}

// What the front end may use.
static void lie_in_offer(const struct device *device) {
    const uint32_t size = device->kind == RINGFOLD_DEVICE_BLOCK ? sizeof(struct ringfold_block_offer) : sizeof(struct ringfold_network_offer);
    if (drawn(3) == 0) {
        lie_at(device->page + offsetof(struct ringfold_device_page, queue_limit) + drawn(2) * WORD);
    } else {
        lie_at(device->page + offsetof(struct ringfold_device_page, kind) + drawn(size / WORD) * WORD);
    }
}

// How the back end is, and what may change of its offer: the size or the link.
static void lie_while_connected(const struct device *device) {
    if (drawn(3) != 0) {
        poke(device->page + drawn(2) * WORD, drawn(4) == 0 ? lie_about(0) : drawn(7));
    } else if (device->kind == RINGFOLD_DEVICE_BLOCK) {
        lie_at(device->page + offsetof(struct ringfold_device_page, kind) + drawn(2) * WORD);
    } else {
        lie_at(device->page + offsetof(struct ringfold_device_page, kind) + offsetof(struct ringfold_network_offer, link));
    }
}

static uint64_t queue_entry(const struct device *device, uint32_t queues) {
    return device->page + offsetof(struct ringfold_device_page, queues) + drawn(queues) * sizeof(struct ringfold_device_queue);
}

// Where its queues are; until take_back().
static void lie_in_list(struct device *device, uint32_t queues) {
    device->lied_at = queue_entry(device, queues) + drawn(3) * WORD;
    peek(device->lied_at, &device->truth, sizeof device->truth);
    device->lie = lie_about(device->truth);
    poke(device->lied_at, device->lie);
}

// What the back end has not written again meanwhile: what follows has to know where the queues are.
static void take_back(struct device *device) {
    uint32_t word;
    if (device->lied_at != 0) {
        peek(device->lied_at, &word, sizeof word);
        if (word == device->lie) {
            poke(device->lied_at, device->truth);
        }
    }
    device->lied_at = 0;
}

static void lie_to_disk(uint64_t first, uint32_t reference, uint32_t pages) {
    const uint64_t answers = first + offsetof(struct ringfold_block_queue, answers);
    uint32_t answered;
    switch (drawn(8)) {
        case 0:
            lie_at(first + offsetof(struct ringfold_block_queue, ask_event) - drawn(2) * WORD); // or `answered`
            break;
        case 1:
        case 2:
        case 3: // the next answers, before their numbers are told
            peek(first + offsetof(struct ringfold_block_queue, answered), &answered, sizeof answered);
            poke(answers + (answered + drawn(3)) % RINGFOLD_BLOCK_DEPTH * sizeof(struct ringfold_block_answer), drawn(2) == 0 ? drawn(RINGFOLD_BLOCK_DEPTH) : lie_about(0));
            poke(first + offsetof(struct ringfold_block_queue, answered), answered + drawn(3));
            break;
        case 4:
            lie_at(answers + drawn(RINGFOLD_BLOCK_DEPTH) * sizeof(struct ringfold_block_answer) + drawn(2) * WORD);
            break;
        default: // data, while they are copied
            first = granted(reference + RINGFOLD_BLOCK_POOL_FIRST + drawn(pages - RINGFOLD_BLOCK_POOL_FIRST));
            if (first != 0) {
                lie_at(first + drawn(PAGE / WORD) * WORD);
            }
    }
}

static void lie_to_interface(uint64_t first, uint32_t reference, uint32_t pages) {
    const uint64_t to_back = first + offsetof(struct ringfold_network_queue, to_back);
    const uint64_t to_front = first + offsetof(struct ringfold_network_queue, to_front);
    const uint32_t stream = (pages - 1) / 2;
    uint32_t written;
    uint64_t page;
    switch (drawn(5)) {
        case 0:
            lie_at(to_back + offsetof(struct ringfold_network_stream, read) + drawn(2) * WORD);
            break;
        case 1:
            lie_at(to_front + offsetof(struct ringfold_network_stream, written) + drawn(2) * WORD);
            break;
        default: // a packet, with a head of any kind
            peek(to_front + offsetof(struct ringfold_network_stream, written), &written, sizeof written);
            page = granted(reference + 1 + stream + written / PAGE % stream);
            if (page == 0) {
                return;
            }
            poke(page + written % PAGE / 16 * 16, drawn(2) == 0 ? 14 + drawn(2000) : lie_about(60));
            poke(page + written % PAGE / 16 * 16 + WORD, drawn(4) << drawn(32));
            poke(page + written % PAGE / 16 * 16 + 2 * WORD, lie_about(0));
            poke(to_front + offsetof(struct ringfold_network_stream, written), written + 16 * (1 + drawn(130)));
    }
}

static int lie_in_queue(const struct device *device, uint32_t queues) {
    struct ringfold_device_queue queue;
    peek(queue_entry(device, queues), &queue, sizeof queue);
    const uint64_t first = granted(queue.first_reference);
    if (first == 0) { // it is about to let go
        return 0;
    }
    if (device->kind == RINGFOLD_DEVICE_BLOCK) {
        lie_to_disk(first, queue.first_reference, queue.pages);
    } else {
        lie_to_interface(first, queue.first_reference, queue.pages);
    }
    return 1;
}

// The guest is paused. Returns whether the lie was one in a queue.
static int lie_to(struct device *device) {
    struct ringfold_backend_device ends = look_at(device);
    const int offered = ends.back_state == RINGFOLD_STATE_OFFERED && ends.front_state == RINGFOLD_STATE_NONE;
    take_back(device);
    // A state that is not the back end's own often makes its ends wait for each other.
    if (drawn(4) == 0) {
        poke(device->page, ends.back_state);
    }
    if (offered && drawn(30) == 0) {
        lie_in_offer(device);
    } else if (offered && drawn(4) == 0) {
        // Where the queues are is read when they have just been made.
        for (unsigned look = 0; look < 3000 && ends.front_state == RINGFOLD_STATE_NONE; ++look) {
            unpause_guest();
            usleep(500);
            pause_guest();
            ends = look_at(device);
        }
        for (unsigned look = 0; look < 50 && ends.front_state == RINGFOLD_STATE_ASKED && ends.back_state == RINGFOLD_STATE_OFFERED; ++look) {
            usleep(1000);
            ends = look_at(device);
        }
        if (ends.front_state == RINGFOLD_STATE_ASKED && ends.queues != 0) {
            lie_in_list(device, ends.queues);
        }
    } else if (ends.back_state == RINGFOLD_STATE_CONNECTED && ends.front_state == RINGFOLD_STATE_CONNECTED && ends.queues != 0) {
        if (drawn(12) != 0) {
            return lie_in_queue(device, ends.queues);
        }
        lie_while_connected(device);
    }
    return 0;
}

int main(int count, char **words) {
    static struct device devices[MOST_DEVICES];
    if (count < 6 || count > 5 + (int)MOST_DEVICES) {
        fail("usage: lie TABLE DOMAIN SEED LIES KIND-NUMBER...");
    }
    const uint32_t device_count = count - 5;
    const unsigned long lies = strtoul(words[4], NULL, 0);
    unsigned long in_queues = 0;
    control = open("/dev/ringfold", O_RDWR);
    backend = open("/dev/ringfold-backend", O_RDWR);
    if (control < 0 || backend < 0) {
        fail("/dev/ringfold, /dev/ringfold-backend: %m");
    }
    table = begin_of_bss() + strtoull(words[1], NULL, 0);
    domain = strtoul(words[2], NULL, 0);
    state = strtoull(words[3], NULL, 0);
    for (uint32_t index = 0; index < device_count; ++index) {
        if (sscanf(words[5 + index], "%hu-%hu", &devices[index].kind, &devices[index].number) != 2) {
            fail("no device: %s", words[5 + index]);
        }
        devices[index].page = find_device(devices[index].kind, devices[index].number);
    }
    for (unsigned long told = 0; told < lies; ++told) {
        struct device *device = &devices[drawn(device_count)];
        usleep(drawn(drawn(2) == 0 ? 2000 : 50000));
        pause_guest();
        in_queues += lie_to(device);
        unpause_guest();
    }
    printf("%lu lies, %lu of them in queues\n", lies, in_queues);
    return 0;
}
