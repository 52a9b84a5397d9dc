// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xcf smp=3 timeout=60
//
// A storm of random hypercalls by both vCPUs of a domain, which holds some rights, while others are created, paused and
// destroyed: any call, with arguments near what could be right, and batches, contexts and configurations among them.
// When the domain has ended by what it did, or after a while, it is destroyed and another one begins. Expected: the
// hypervisor lives, every domain can be destroyed, all memory is back, and the audit finds nothing.
//
// seconds=N on the command line says how long (2).
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <ringfold/debug.h>

#include <algorithm>
#include <array>
#include <cstring>

using namespace guest;

// Issues the calls of the list that RDI points into, round and round, and notes what they answer.
CHILD_PROGRAM void child_storms() {
    asm volatile(R"(
	movq %rdi, %rbp
	movq %rdi, %rbx
	andq $-4096, %rbx
1:	movq (%rbp), %rax
	testq %rax, %rax
	js 2f
	movq 8(%rbp), %rdi
	movq 16(%rbp), %rsi
	movq 24(%rbp), %rdx
	movq 32(%rbp), %r10
	movq 40(%rbp), %r8
	movq 48(%rbp), %r9
	call child_hypercall
	movq %rax, 56(%rbp)
	addq $64, %rbp
	jmp 1b
2:	movq %rbx, %rbp
	jmp 1b
)");
}

namespace {

struct Kind {
    const char *name;
    const char *parameters;  // "uint32_t domain, uint64_t offset"
};
#define HYPERCALL(number, name, right, right_for_another, second, ...) {#name, #__VA_ARGS__},
constexpr Kind kinds[] = {
#include <ringfold/dispatch_table.inc>
};

struct Call {
    uint64_t number;
    std::array<uint64_t, 6> arguments;
    int64_t status;  // the child's
};
static_assert(sizeof(Call) == 64);

constexpr uint64_t end_of_list = ~0ULL;
constexpr int64_t not_issued = 1;
constexpr unsigned calls = 38;
constexpr unsigned operand_words = 10;  // in the child's call buffer, for each call
constexpr uint64_t context_offset = 3072;
static_assert(calls * operand_words * sizeof(uint64_t) <= context_offset);
constexpr uint64_t list_offset = 512;  // in this domain's call buffer, for a moment

constexpr uint64_t rights_of_storms = RINGFOLD_RIGHT_CONTROL | RINGFOLD_RIGHT_INSPECT | RINGFOLD_RIGHT_SCHEDULE |
                                      RINGFOLD_RIGHT_CONSOLE | RINGFOLD_RIGHT_TRACE;
constexpr unsigned more_frames = 40;
constexpr uint64_t most_frames = 64;
constexpr unsigned lists_of_a_storm = 8;
constexpr uint64_t time_for_a_list = 3 * millisecond;
constexpr unsigned processors = 3;

struct Storm {
    Child child;
    std::array<uint64_t, more_frames> frames{};
    uint32_t neighbour = 0;  // another domain
};

constinit std::array<Call, calls + 1> list{};
constinit std::array<uint64_t, page_size / sizeof(uint64_t)> operands{};

constinit uint64_t issued[RINGFOLD_HYPERCALL_COUNT] = {};
constinit bool succeeded[RINGFOLD_HYPERCALL_COUNT] = {};

// --- what is asked for ---

bool ends_with(const char *text, uint64_t length, const char *word) {
    const uint64_t size = std::strlen(word);
    return size < length && std::memcmp(text + length - size, word, size) == 0 && text[length - size - 1] == ' ';
}

// Composes what a call of a storm looks like.
class Composer {
  public:
    Composer(Random &random, const Storm &storm) : random_(random), storm_(storm) {}

    Call call(unsigned index) {
        Call composed{.number = number(), .arguments = {}, .status = not_issued};
        const uint64_t operand = index * operand_words * sizeof(uint64_t);
        fill_operand(composed.number, &operands[index * operand_words]);
        const char *parameters = composed.number < RINGFOLD_HYPERCALL_COUNT ? kinds[composed.number].parameters : "";
        for (uint64_t &argument : composed.arguments) {
            const char *end = parameters;
            while (*end != '\0' && *end != ',') {
                ++end;
            }
            argument = this->argument(parameters, static_cast<uint64_t>(end - parameters), operand);
            parameters = *end == ',' ? end + 1 : end;
        }
        return composed;
    }

  private:
    bool rarely() { return random_.below(16) == 0; }

    // Those after which a vCPU does nothing more come now and then.
    uint64_t number() {
        for (;;) {
            const uint64_t number = random_.below(RINGFOLD_HYPERCALL_COUNT + 2);
            switch (number) {
                case RINGFOLD_HYPERCALL_VCPU_STOP:
                case RINGFOLD_HYPERCALL_BLOCK:
                case RINGFOLD_HYPERCALL_SHUTDOWN:
                case RINGFOLD_HYPERCALL_VCPU_REGISTER:
                case RINGFOLD_HYPERCALL_WATCHDOG_SET:
                    if (!rarely()) {
                        continue;
                    }
                    return number;
                default:
                    return number;
            }
        }
    }

    uint64_t domain() {
        const std::array<uint64_t, 4> some{RINGFOLD_DOMAIN_SELF, storm_.child.id, storm_.neighbour,
                                           start_info().domain_id};
        const uint64_t choice = random_.below(some.size() + 1);
        return choice < some.size() ? some[choice] : random_.below(16);
    }

    uint64_t frame() {
        switch (random_.below(16)) {
            case 0:
                return storm_.child.frames[random_.below(storm_.child.frames.size())].number;
            case 1:
                return machine_frame_at(&list).number;
            case 2:
                return random_.below(1U << 20);
            default:
                return storm_.frames[random_.below(storm_.frames.size())];
        }
    }

    uint64_t entry() {
        const std::array<uint64_t, 6> flags{
            0, table_flags, kernel_data, kernel_read_only, user_code, random_.next() & ~RINGFOLD_ENTRY_FRAME_MASK};
        return frame() * page_size | flags[random_.below(flags.size())];
    }

    uint64_t word() {
        switch (random_.below(10)) {
            case 0:
            case 1:
                return random_.below(16);
            case 2:
                return frame();
            case 3:
                return random_.below(page_size) & ~7ULL;
            case 4:
                return domain();
            case 5:
                return entry();
            case 6:
                return (1ULL << random_.below(64)) - random_.below(2);
            case 7:  // several small fields
                return domain() | random_.below(8) << 16 | random_.below(8) << 32;
            case 8:
                return ~0ULL;
            default:
                return random_.next();
        }
    }

    uint64_t argument(const char *parameter, uint64_t length, uint64_t operand) {
        if (rarely()) {
            return word();
        }
        if (ends_with(parameter, length, "offset")) {
            return operand;
        }
        if (ends_with(parameter, length, "count") || ends_with(parameter, length, "vcpu")) {
            return random_.below(3);
        }
        if (ends_with(parameter, length, "frame")) {
            return frame();
        }
        if (ends_with(parameter, length, "domain") || ends_with(parameter, length, "remote")) {
            return domain();
        }
        if (ends_with(parameter, length, "order") || ends_with(parameter, length, "flags")) {
            return random_.below(2);
        }
        return random_.below(4) == 0 ? word() : random_.below(8);
    }

    void fill_operand(uint64_t number, uint64_t *words) {
        for (unsigned index = 0; index < operand_words; ++index) {
            words[index] = random_.below(2) == 0 ? frame() : word();
        }
        switch (number) {
            case RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH:
                put(words, table_operation());
                put(words + 4, table_operation());
                break;
            case RINGFOLD_HYPERCALL_DOMAIN_CREATE:
                put(words, configuration());
                break;
            case RINGFOLD_HYPERCALL_VCPU_START:
            case RINGFOLD_HYPERCALL_DOMAIN_START:
                put(words, context());
                break;
            case RINGFOLD_HYPERCALL_MULTICALL:
                words[0] = random_.below(RINGFOLD_HYPERCALL_COUNT);
                break;
            default:
                break;
        }
    }

    template <typename Operand>
    void put(uint64_t *words, const Operand &operand) {
        static_assert(sizeof operand <= operand_words * sizeof(uint64_t));
        std::memcpy(words, &operand, sizeof operand);
    }

    ringfold_page_table_operation table_operation() {
        auto operation = static_cast<uint32_t>(random_.below(RINGFOLD_PAGE_TABLE_EXCHANGE + 2));
        // Behind a root of another kind there is nothing to go on with.
        if (operation == RINGFOLD_PAGE_TABLE_LOAD_ROOT && !rarely()) {
            operation = RINGFOLD_PAGE_TABLE_SET;
        }
        const bool of_frames = operation >= RINGFOLD_PAGE_TABLE_PIN && operation <= RINGFOLD_PAGE_TABLE_LOAD_ROOT;
        const uint64_t target = frame();
        return {.operation = operation,
                .count = static_cast<uint32_t>(rarely() ? word() : random_.below(6)),
                .address = of_frames ? target : target * page_size + 8 * random_.below(table_entries),
                .value = rarely() ? word() : entry(),
                .mask = rarely() ? word() : RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_NO_EXECUTE};
    }

    ringfold_domain_configuration configuration() {
        ringfold_domain_configuration composed =
            configuration_of({.name = "drop", .rights = random_.next() & rights_of_storms, .maximum_frames = 16});
        if (rarely()) {
            composed.reserved = word();
        }
        return composed;
    }

    ringfold_vcpu_context context() {
        ringfold_vcpu_context composed = child_context(storm_.child, child_storms, child_stack);
        composed.vcpu_page = frame();
        composed.root = random_.below(2) == 0 ? composed.root : frame();
        composed.rsp = rarely() ? word() : composed.rsp;
        return composed;
    }

    Random &random_;
    const Storm &storm_;
};

void write_list(Random &random, const Storm &storm) {
    Composer composer{random, storm};
    for (unsigned index = 0; index < calls; ++index) {
        list[index] = composer.call(index);
    }
    // Without these two nothing works; they come again and again.
    list[0] = {.number = RINGFOLD_HYPERCALL_CALL_BUFFER_SET,
               .arguments = {0, storm.child.frames[Child::buffer].number},
               .status = not_issued};
    list[1] = {.number = RINGFOLD_HYPERCALL_VCPU_START, .arguments = {1, context_offset}, .status = not_issued};
    list[calls] = {.number = end_of_list, .arguments = {}, .status = 0};
    ringfold_vcpu_context second = child_context(storm.child, child_storms, child_stack + calls / 2 * sizeof(Call));
    second.rsp -= 128;
    second.vcpu_page = storm.frames[0];
    std::memcpy(&operands[context_offset / sizeof(uint64_t)], &second, sizeof second);
    write_child(storm.child, Child::buffer, 0, operands.data(), sizeof operands);
    write_child(storm.child, Child::stack, 0, list.data(), sizeof list);
}

// --- storms ---

void note_answers(const Storm &storm) {
    *call_buffer<ringfold_domain_copy_element>() = {.frame = storm.child.frames[Child::stack].number,
                                                    .buffer_offset = list_offset,
                                                    .frame_offset = 0,
                                                    .length = calls * sizeof(Call)};
    const ringfold_hypercall_result copied = ringfold_domain_copy(storm.child.id, RINGFOLD_DOMAIN_COPY_OUT, 0, 1);
    check_equal(static_cast<uint64_t>(copied.status), 0, "the status of domain_copy");
    for (unsigned index = 0; index < calls; ++index) {
        const Call &call = *call_buffer<Call>(list_offset + index * sizeof(Call));
        if (call.number < RINGFOLD_HYPERCALL_COUNT) {
            succeeded[call.number] = succeeded[call.number] || call.status == 0;
        }
    }
}

void count_calls(const Storm &storm) {
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ, storm.child.id, 0), 0, "domain_counters_read");
    const auto *counters = call_buffer<ringfold_counters>();
    for (unsigned number = 0; number < RINGFOLD_HYPERCALL_COUNT; ++number) {
        issued[number] += counters->hypercalls[number];
    }
}

Storm begin_storm(Random &random) {
    Storm storm;
    storm.child = create_child({.name = "storm",
                                .rights = random.next() & rights_of_storms,
                                .maximum_frames = most_frames,
                                .vcpu_count = 2,
                                .first_cpu = 1});
    fill_child(storm.child);
    const Result populated = populate_domain(storm.child.id, more_frames);
    check_result(populated, 0, more_frames, "populating the storm's domain");
    std::copy_n(call_buffer<uint64_t>(), more_frames, storm.frames.begin());
    write_list(random, storm);
    const Result started = start_child(storm.child, child_context(storm.child, child_storms, child_stack));
    check_status(started, 0, "starting the storm");
    return storm;
}

// A domain that lives beside the storm for a moment. The storm may leave no memory for it.
// It has a right that no storm has: they may name it, and do nothing to it.
void make_and_destroy_neighbour(Storm &storm) {
    const Result created = create_domain(configuration_of({.name = "neighbour", .rights = RINGFOLD_RIGHT_DEBUG}));
    if (created.status == -RINGFOLD_ENOMEM) {
        return;
    }
    check(created.ok(), "creating a neighbour: status %ld", created.status);
    Child child;
    child.id = static_cast<uint32_t>(created.value);
    storm.neighbour = child.id;
    if (populate_domain(child.id, Child::pages).ok()) {
        for (unsigned page = 0; page < Child::pages; ++page) {
            child.frames[page] = {call_buffer<uint64_t>()[page]};
        }
        fill_child(child);
        const Result started = start_child(child, child_context(child, child_spins));
        check(started.ok() || started.status == -RINGFOLD_ENOMEM, "starting a neighbour: status %ld", started.status);
    }
    check_status(destroy_domain(child.id), 0, "destroying a neighbour");
}

void pause_for_a_moment(const Storm &storm) {
    const Result paused = pause_domain(storm.child.id);
    // Busy: it has ended.
    check(paused.ok() || paused.status == -RINGFOLD_ENOENT || paused.status == -RINGFOLD_EBUSY,
          "pausing the storm: status %ld", paused.status);
    if (paused.ok()) {
        check_status(unpause_domain(storm.child.id), 0, "going on with the storm");
    }
}

// With all that the storm has made.
void destroy_all_others() {
    const uint32_t self = start_info().domain_id;
    uint64_t cursor = 0;
    do {
        const Result listed = hypercall(RINGFOLD_HYPERCALL_DOMAIN_LIST, cursor, 0, 1);
        check(listed.ok(), "domain_list: status %ld", listed.status);
        cursor = listed.value;
        const uint32_t domain = call_buffer<ringfold_domain_info>()->domain;
        if (domain != self && domain != 0) {
            const Result destroyed = destroy_domain(domain);
            check(destroyed.ok() || destroyed.status == -RINGFOLD_ENOENT, "destroying d%u: status %ld", domain,
                  destroyed.status);
        }
    } while (cursor != 0);
}

// Storms may have taken them into pools of their own.
void take_processors_back() {
    for (uint64_t cpu = 0; cpu < processors; ++cpu) {
        hypercall(RINGFOLD_HYPERCALL_POOL_CPU_MOVE, cpu, 0);
    }
}

void one_storm(Random &random) {
    Storm storm = begin_storm(random);
    for (unsigned count = 0; count < lists_of_a_storm; ++count) {
        const uint64_t end = system_time() + time_for_a_list;
        make_and_destroy_neighbour(storm);
        if (random.below(4) == 0) {
            pause_for_a_moment(storm);
        }
        while (system_time() < end) {
            relax();
        }
        note_answers(storm);
        write_list(random, storm);
    }
    count_calls(storm);
    destroy_all_others();
    take_processors_back();
}

uint64_t free_frames() {
    check_status(hypercall(RINGFOLD_HYPERCALL_COUNTERS_READ, 0), 0, "counters_read");
    return call_buffer<ringfold_counters>()->free_frames;
}

}  // namespace

void guest_main() {
    Random random{choose_seed()};
    one_storm(random);  // after which all slabs are there that there will be
    const uint64_t before = free_frames();
    uint64_t storms = 1;
    const uint64_t end = system_time() + command_line_number("seconds", 2) * 1000 * millisecond;
    for (; system_time() < end; ++storms) {
        one_storm(random);
    }
    const uint64_t after = free_frames();
    uint64_t sum = 0;
    unsigned known = 0;
    for (unsigned number = 0; number < RINGFOLD_HYPERCALL_COUNT; ++number) {
        sum += issued[number];
        known += issued[number] == 0 ? 0 : 1;
    }
    const auto good = std::count(std::begin(succeeded), std::end(succeeded), true);
    print("%lu storms, %lu hypercalls of %u kinds, %lu of which succeeded at times\n", storms, sum, known,
          static_cast<uint64_t>(good));
    check(after + 64 >= before, "%lu frames are lost", before - after);  // empty slabs are kept, one of each size
}
