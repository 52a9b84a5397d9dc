// SPDX-License-Identifier: Apache-2.0
//
// Life and memory of domains.
#include "dom0-tools/library/hypervisor.hpp"

#include "dom0-tools/library/calls.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace ringfold::tools {

namespace {

constexpr uint32_t extent_order = 9;
constexpr uint64_t most_at_once = 512;

// Up to most_at_once blocks of 2^order frames, the first of which is pseudo-physical frame `first`. How many there
// were.
Outcome<uint64_t> populate_blocks(HypercallPort &port, DomainId domain, uint64_t first, uint64_t count, uint32_t order,
                                  std::vector<uint64_t> &frames) {
    std::vector<uint64_t> numbers(std::min(count, most_at_once));
    for (uint64_t index = 0; index < numbers.size(); ++index) {
        numbers[index] = first + (index << order);
    }
    const HypercallRequest request{RINGFOLD_HYPERCALL_DOMAIN_POPULATE,
                                   0b10,
                                   {domain.raw(), 0, numbers.size(), order},
                                   std::as_writable_bytes(std::span{numbers})};
    const HypercallAnswer answer = TRY(port.request(request));
    // Each refusal tells its progress: what was given is the domain's.
    const uint64_t given = answer.status == 0 ? numbers.size() : answer.value;
    for (uint64_t index = 0; index < given; ++index) {
        for (uint64_t frame = 0; frame < uint64_t{1} << order; ++frame) {
            frames.push_back(numbers[index] + frame);
        }
    }
    if (given == 0 && answer.status != -RINGFOLD_EAGAIN) {
        return hypercall_failure(request.number, answer.status);
    }
    return given;
}

// Of the first ones of `frames`; what could be told of the domain's own at once.
Outcome<std::vector<uint8_t>> some_types(HypercallPort &port, DomainId domain, std::span<const uint64_t> frames) {
    const auto some = frames.first(std::min<std::size_t>(frames.size(), RINGFOLD_DOMAIN_FRAME_TYPES_MAX));
    std::vector<uint64_t> words(some.begin(), some.end());
    const HypercallRequest request{RINGFOLD_HYPERCALL_DOMAIN_FRAME_TYPES,
                                   0b10,
                                   {domain.raw(), 0, words.size()},
                                   std::as_writable_bytes(std::span{words})};
    const HypercallAnswer answer = TRY(port.request(request));
    if (answer.status != 0 && answer.status != -RINGFOLD_EAGAIN && answer.status != -RINGFOLD_EFAULT) {
        return hypercall_failure(request.number, answer.status);
    }
    words.resize(answer.status == 0 ? words.size() : std::min<std::size_t>(answer.value, words.size()));
    if (answer.status == -RINGFOLD_EFAULT && words.size() < some.size()) {
        words.push_back(RINGFOLD_FRAME_NONE);  // the one that stopped it is not the domain's
    }
    return std::vector<uint8_t>(words.begin(), words.end());
}

}  // namespace

std::string name_in(const char (&field)[RINGFOLD_DOMAIN_NAME_SIZE]) { return {field, strnlen(field, sizeof field)}; }

Outcome<DomainId> Hypervisor::create(const ringfold_domain_configuration &configuration) const {
    ringfold_domain_configuration copy = configuration;
    return DomainId{static_cast<uint16_t>(
        TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_DOMAIN_CREATE, 0b1, {0}, calls::bytes_of(copy)})))};
}

Outcome<void> Hypervisor::claim(DomainId domain, FrameCount count) const {
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_DOMAIN_CLAIM, 0, {domain.raw(), count.raw()}, {}}));
    return {};
}

Outcome<std::vector<uint64_t>> Hypervisor::populate(DomainId domain, FrameCount count) const {
    std::vector<uint64_t> frames;
    frames.reserve(count.raw());
    bool extents = true;  // while the machine has whole ones
    while (frames.size() < count.raw()) {
        const uint64_t left = count.raw() - frames.size();
        const bool big = extents && left >= frames_per_extent;
        const Outcome<uint64_t> given = populate_blocks(
            *port_, domain, frames.size(), big ? left / frames_per_extent : left, big ? extent_order : 0, frames);
        if (!given.ok()) {
            if (!big || given.error().kind != Kind::memory) {
                return given.error();
            }
            extents = false;
        }
    }
    return frames;
}

Outcome<void> Hypervisor::copy_in(DomainId domain, std::span<const uint64_t> frames,
                                  std::span<const std::byte> pages) const {
    // The port only reads what it copies in.
    return port_->copy(domain, CopyDirection::in, frames, {const_cast<std::byte *>(pages.data()), pages.size()});
}

Outcome<void> Hypervisor::copy_out(DomainId domain, std::span<const uint64_t> frames,
                                   std::span<std::byte> pages) const {
    return port_->copy(domain, CopyDirection::out, frames, pages);
}

Outcome<std::vector<uint8_t>> Hypervisor::frame_types(DomainId domain, std::span<const uint64_t> frames) const {
    std::vector<uint8_t> types;
    types.reserve(frames.size());
    while (types.size() < frames.size()) {
        const std::vector<uint8_t> some = TRY(some_types(*port_, domain, frames.subspan(types.size())));
        types.insert(types.end(), some.begin(), some.end());
    }
    return types;
}

Outcome<void> Hypervisor::start(DomainId domain, ringfold_vcpu_context context, uint64_t hypercall_return) const {
    TRY(calls::issue_until_done(
        *port_,
        {RINGFOLD_HYPERCALL_DOMAIN_START, 0b10, {domain.raw(), 0, hypercall_return}, calls::bytes_of(context)}));
    return {};
}

Outcome<void> Hypervisor::destroy(DomainId domain) const {
    TRY(port_->close_devices(domain));
    TRY(calls::issue_until_done(*port_, {RINGFOLD_HYPERCALL_DOMAIN_DESTROY, 0, {domain.raw()}, {}}));
    return {};
}

Outcome<void> Hypervisor::shut_down(DomainId domain, uint32_t reason, uint32_t code) const {
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_DOMAIN_SHUTDOWN, 0, {domain.raw(), reason, code}, {}}));
    return {};
}

Outcome<void> Hypervisor::pause(DomainId domain) const {
    const auto wait_only = [](HypercallRequest &request, uint64_t counted) { request.arguments[1] = counted; };
    TRY(calls::issue_until_done(*port_, {RINGFOLD_HYPERCALL_DOMAIN_PAUSE, 0, {domain.raw(), 0}, {}}, wait_only));
    return {};
}

Outcome<void> Hypervisor::unpause(DomainId domain) const {
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_DOMAIN_UNPAUSE, 0, {domain.raw()}, {}}));
    return {};
}

Outcome<void> Hypervisor::set_maximum(DomainId domain, FrameCount maximum) const {
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_DOMAIN_MAXIMUM_SET, 0, {domain.raw(), maximum.raw()}, {}}));
    return {};
}

Outcome<ringfold_domain_info> Hypervisor::describe(DomainId domain) const {
    ringfold_domain_info info{};
    TRY(calls::issue(*port_, {RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE, 0b10, {domain.raw(), 0}, calls::bytes_of(info)}));
    return info;
}

Outcome<DomainInfos> Hypervisor::list() const {
    DomainInfos found;
    std::array<ringfold_domain_info, RINGFOLD_DOMAIN_LIST_MAX> part{};
    uint64_t cursor = 0;
    do {
        cursor = TRY(calls::issue(
            *port_, {RINGFOLD_HYPERCALL_DOMAIN_LIST, 0b10, {cursor, 0, part.size()}, calls::bytes_of(part)}));
        for (const ringfold_domain_info &info : part) {
            if (info.domain == 0) {
                break;
            }
            found[DomainId{static_cast<uint16_t>(info.domain)}] = info;
        }
    } while (cursor != 0);
    return found;
}

}  // namespace ringfold::tools
