// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff
//
// Domains are listed several at once. Expected: whatever part a call asks for, each domain comes exactly once and as
// domain_describe tells it; a domain that may do less gets only those that it may describe, with the bytes on their
// consoles; refusals are exact, and what is refused writes nothing.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <algorithm>
#include <array>
#include <cstring>

using namespace guest;

namespace {

constexpr unsigned children = 5;
constexpr uint64_t fits = call_buffer_size / sizeof(ringfold_domain_info);

struct Listed {
    std::array<ringfold_domain_info, 16> domains{};
    unsigned count = 0;
};

// With `part` domains a call.
Listed list(uint64_t part) {
    Listed listed;
    uint64_t cursor = 0;
    do {
        const Result result = hypercall(RINGFOLD_HYPERCALL_DOMAIN_LIST, cursor, 0, part);
        check(result.ok(), "domain_list: status %ld", result.status);
        cursor = result.value;
        const auto *const infos = call_buffer<ringfold_domain_info>();
        for (uint64_t index = 0; index < part && infos[index].domain != 0; ++index) {
            check(listed.count < listed.domains.size(), "more domains than there are");
            listed.domains[listed.count++] = infos[index];
        }
    } while (cursor != 0);
    return listed;
}

const ringfold_domain_info *find(const Listed &listed, uint32_t domain) {
    const auto *const end = listed.domains.begin() + listed.count;
    const auto *const found =
        std::find_if(listed.domains.begin(), end, [=](auto &info) { return info.domain == domain; });
    return found == end ? nullptr : found;
}

void check_parts(const std::array<Child, children> &all) {
    for (const uint64_t part : Words{1, 2, 3, children + 1, children + 2, fits}) {
        const Listed listed = list(part);
        check_equal(listed.count, children + 1, "domains");
        for (const Child &child : all) {
            ringfold_domain_info described{};
            check_status(read_domain_info(child.id, described), 0, "domain_describe");
            const ringfold_domain_info *const info = find(listed, child.id);
            check(info != nullptr && std::memcmp(info, &described, sizeof described) == 0, "d%u, by parts of %lu",
                  child.id, part);
        }
        check(find(listed, start_info().domain_id) != nullptr, "the caller, by parts of %lu", part);
    }
}

void check_refusals() {
    std::memset(call_buffer_bytes(), 0x5a, page_size);
    const auto refused = [](uint64_t offset, uint64_t count, int64_t error, const char *what) {
        check_result(hypercall(RINGFOLD_HYPERCALL_DOMAIN_LIST, 0, offset, count), -error, 0, what);
    };
    refused(0, 0, RINGFOLD_ERANGE, "nothing at all");
    refused(0, RINGFOLD_DOMAIN_LIST_MAX + 1, RINGFOLD_ERANGE, "too many");
    refused(0, ~0ULL, RINGFOLD_ERANGE, "a count that wraps");
    refused(0, fits + 1, RINGFOLD_EFAULT, "past the end of the buffer");
    refused(call_buffer_size - 1, 1, RINGFOLD_EFAULT, "an info that is half outside");
    refused(~0ULL, 1, RINGFOLD_EFAULT, "an offset that wraps");
    const uint8_t *const bytes = call_buffer_bytes();
    check(std::all_of(bytes, bytes + page_size, [](uint8_t byte) { return byte == 0x5a; }), "it wrote something");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_LIST, 1ULL << 32, 0, 1), -RINGFOLD_ERANGE, "a cursor of 33 bits");
    check_result(hypercall(RINGFOLD_HYPERCALL_DOMAIN_LIST, 0xffff'ffff, 0, 1), 0, 0, "a cursor behind all domains");
    check_equal(call_buffer<ringfold_domain_info>()->domain, 0, "the domain behind all");
}

// Argument: the buffer's machine frame. It lists there, writes what it has got to its console, and blocks.
static_assert(RINGFOLD_HYPERCALL_DOMAIN_LIST == 31 && sizeof(ringfold_domain_info) == 104);
CHILD_PROGRAM void child_lists() {
    asm volatile(R"(
	movq %rdi, %rsi
	xorl %edi, %edi
	movl $2, %eax
	call child_hypercall
	xorl %edi, %edi
	xorl %esi, %esi
	movl $16, %edx
	movl $31, %eax
	call child_hypercall
	xorl %edi, %edi
	movl $7, %esi
	movl $1, %eax
	call child_hypercall
1:	movl $8, %eax
	call child_hypercall
	jmp 1b
)");
}

uint64_t console_bytes(uint32_t domain) {
    ringfold_domain_info info{};
    check_status(read_domain_info(domain, info), 0, "domain_describe");
    return info.console_written;
}

// It may inspect, but not take over who may do more: of all domains it sees itself and the children.
void check_view_of_inspector(const std::array<Child, children> &all) {
    const Child inspector = create_child({.name = "inspector", .rights = RINGFOLD_RIGHT_INSPECT});
    fill_child(inspector);
    check_equal(console_bytes(inspector.id), 0, "what it wrote before it ran");
    const uint64_t buffer = inspector.frames[Child::buffer].number;
    check_status(start_child(inspector, child_context(inspector, child_lists, buffer)), 0, "starting it");
    const uint64_t end = system_time() + 10'000 * millisecond;
    while (console_bytes(inspector.id) == 0 && system_time() < end) {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    check_equal(console_bytes(inspector.id), 7, "what it wrote to its console");
    Listed listed;
    for (;; ++listed.count) {
        const uint64_t offset = listed.count * sizeof(ringfold_domain_info);
        listed.domains[listed.count].domain = static_cast<uint32_t>(read_child_word(inspector, Child::buffer, offset));
        if (listed.domains[listed.count].domain == 0) {
            break;
        }
    }
    check_equal(listed.count, children + 1, "the domains that it sees");
    for (const Child &child : all) {
        check(find(listed, child.id) != nullptr, "it does not see d%u", child.id);
    }
    check(find(listed, inspector.id) != nullptr, "it does not see itself");
    check(find(listed, start_info().domain_id) == nullptr, "it sees one that may do more");
    check_status(destroy_domain(inspector.id), 0, "domain_destroy");
}

}  // namespace

void guest_main() {
    std::array<Child, children> all;
    std::generate(all.begin(), all.end(), [] { return create_child({.maximum_frames = Child::pages}); });
    check_parts(all);
    check_refusals();
    check_view_of_inspector(all);
    for (const Child &child : all) {
        check_status(destroy_domain(child.id), 0, "domain_destroy");
    }
    check_equal(list(1).count, 1, "domains at the end");
}
