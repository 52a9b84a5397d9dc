// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/dispatcher/values.hpp"

#include "hypervisor/cpu/instructions.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "tests/fuzz/dispatcher/machine.hpp"

#include <ringfold/domain.h>
#include <ringfold/grant.h>
#include <ringfold/hypercall.h>
#include <ringfold/page_table.h>
#include <ringfold/schedule.h>
#include <ringfold/vcpu.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <iterator>

namespace ringfold::fuzzed {

namespace {

template <typename T>
std::vector<std::byte> bytes_of(const T &object) {
    const std::span bytes = std::as_bytes(std::span{&object, 1});
    return {bytes.begin(), bytes.end()};
}

template <typename T, std::size_t Size>
T one_of(const std::array<T, Size> &choices, uint64_t number) {
    return choices[number % Size];
}

// Bytes of the input that mean something general instead of a value of their kind.
constexpr uint64_t first_boundary = 0xe8;
// Numbers without a kind: up to this byte a few that mean something in many places, from it on all small ones.
constexpr uint64_t first_large = 0x60;
constexpr std::array<uint64_t, 8> small_numbers{0, 0, 1, 1, 2, 3, 7, 9};
constexpr uint64_t first_raw = 0xf8;

}  // namespace

Values::Values(FuzzedBytes &input, const World &world, const Vcpu &caller)
    : input_(input), world_(world), caller_(caller), self_(*world.find(caller.domain.id.raw())) {}

uint64_t Values::raw() {
    const uint64_t high = input_.number(4);
    return high << 32 | input_.number(4);
}

uint64_t Values::boundary(unsigned bits) {
    const uint64_t largest = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    const std::array<uint64_t, 8> choices{largest,    largest + 1, largest >> 1,      (largest >> 1) + 1,
                                          UINT64_MAX, 0,           uint64_t{1} << 63, UINT32_MAX};
    return one_of(choices, byte());
}

uint64_t Values::argument(const Argument &argument) {
    const uint64_t form = byte();
    if (form >= first_raw) {
        return raw();
    }
    return form >= first_boundary ? boundary(argument.bits) : of_kind(argument.kind, form);
}

uint64_t Values::of_kind(Kind kind, uint64_t form) {
    switch (kind) {
        case Kind::number:
            return form < first_large ? one_of(small_numbers, form) : form - first_large;
        case Kind::offset:
            return offset(form);
        case Kind::count:
            return count(form);
        case Kind::frame:
            return frame(form);
        case Kind::domain:
            return domain(form);
        case Kind::vcpu:
            return form % 4;
        case Kind::port:
            return port(form);
        case Kind::time:
            return time(form);
    }
    return 0;
}

// The world's call buffers have two pages of the sixteen.
uint64_t Values::offset(uint64_t form) {
    constexpr std::array<uint64_t, 8> edges{0,
                                            page_size - 8,
                                            page_size - 1,
                                            2 * page_size - 8,
                                            2 * page_size - 64,
                                            2 * page_size,
                                            16 * page_size - 8,
                                            16 * page_size};
    return form < 0xa0 ? form * 32 % page_size : one_of(edges, form);
}

uint64_t Values::frame(uint64_t form) {
    constexpr std::array<uint64_t, 8> others{RINGFOLD_NO_FRAME,
                                             0,                      // the hypervisor's
                                             frames_per_extent + 1,  // perhaps free
                                             ram_end.raw() - 1,      // free
                                             ram_end.raw(),          // none
                                             0xf'd000,               // a device's
                                             uint64_t{1} << 40,      // beyond all addresses
                                             0xff'ffff'ffff};
    if (form < 0xa0 && !self_.frames.empty()) {
        return self_.frames[form % self_.frames.size()].raw();
    }
    const Player &other = world_.pick(static_cast<uint32_t>(form));
    if (form < 0xd0 && !other.frames.empty()) {
        return other.frames[byte() % other.frames.size()].raw();
    }
    return one_of(others, form);
}

// One of those that stand for something where a player begins; of another player's, if that is asked for.
uint64_t Values::frame_of(const Player &player, unsigned first, unsigned count) {
    const uint64_t form = byte();
    const uint64_t number = first + form % count;
    return form < 0xe0 && number < player.frames.size() ? player.frames[number].raw() : frame(form);
}

uint64_t Values::domain(uint64_t form) {
    constexpr std::array<uint64_t, 4> others{RINGFOLD_DOMAIN_SELF, 0, RINGFOLD_DOMAIN_LAST, 0xfff0};
    return form < 0xc0 ? uint64_t{world_.pick(static_cast<uint32_t>(form)).id.raw()} : one_of(others, form);
}

uint64_t Values::count(uint64_t form) {
    constexpr std::array<uint64_t, 6> others{0, 16, 17, 512, 513, 4096};
    return form < 0xc0 ? form % 4 + 1 : one_of(others, form);
}

uint64_t Values::port(uint64_t form) {
    constexpr std::array<uint64_t, 4> others{1023, 1024, 16384, RINGFOLD_EVENT_PORTS};
    return form < 0xc0 ? form % 8 : one_of(others, form);
}

uint64_t Values::time(uint64_t form) {
    constexpr uint64_t microsecond = 1'000;
    return form < 0x20 ? form : processor.tsc + (form - 0x20) * 10 * microsecond;
}

uint64_t Values::address() {
    constexpr std::array<uint64_t, 8> choices{0xffff'ffff'8100'0000,
                                              0,
                                              0x40'0000,
                                              0xffff'8000'0000'0000,
                                              0x8000'0000'0000,
                                              0xffff'7fff'ffff'fff8,
                                              0xffff'8080'0000'0000,
                                              0xffff'ffff'8200'0000};
    const uint64_t form = byte();
    return form >= first_raw ? raw() : one_of(choices, form);
}

uint64_t Values::descriptor() {
    constexpr std::array<uint64_t, 5> choices{0, 0x00cf'f300'0000'ffff, 0x00af'fb00'0000'ffff, 0x00af'9b00'0000'ffff,
                                              0x0000'ec00'0008'0000};
    return one_of(choices, byte());
}

uint64_t Values::entry() {
    constexpr uint64_t present = RINGFOLD_ENTRY_PRESENT;
    constexpr uint64_t writable = RINGFOLD_ENTRY_WRITABLE;
    constexpr std::array<uint64_t, 8> flags{0,
                                            present,
                                            present | writable | RINGFOLD_ENTRY_USER,
                                            present | writable | RINGFOLD_ENTRY_BIG,
                                            present | RINGFOLD_ENTRY_BIG,
                                            present | writable | RINGFOLD_ENTRY_NO_EXECUTE | RINGFOLD_ENTRY_ACCESSED,
                                            present | RINGFOLD_ENTRY_GLOBAL,
                                            present | writable | RINGFOLD_ENTRY_CACHE_DISABLE};
    const uint64_t form = byte();
    if (form >= first_raw) {
        return raw();
    }
    return form % 8 == 0 ? 0 : frame(byte()) << page_shift | one_of(flags, form);
}

uint64_t Values::entry_address() {
    const uint64_t index = byte();
    const uint64_t table = frame_of(self_, layout::l4, layout::l1 + 1);
    return table << page_shift | index % 0x40 * 8;
}

// --- records

Values::Bytes Values::record(std::string_view name) {
    struct Writer {
        std::string_view name;
        Bytes (Values::*make)();
    };
    static constexpr std::array writers{
        Writer{"", &Values::any_bytes},
        Writer{"uint32_t", &Values::half_word},
        Writer{"uint64_t", &Values::word},
        Writer{"ringfold_page_table_operation", &Values::page_table_operation},
        Writer{"ringfold_multicall_element", &Values::multicall_element},
        Writer{"ringfold_vcpu_entries", &Values::vcpu_entries},
        Writer{"ringfold_vcpu_context", &Values::vcpu_context},
        Writer{"ringfold_vcpu_registers", &Values::vcpu_registers},
        Writer{"ringfold_domain_configuration", &Values::domain_configuration},
        Writer{"ringfold_domain_copy_element", &Values::domain_copy_element},
        Writer{"ringfold_grant_map_element", &Values::grant_map_element},
        Writer{"ringfold_grant_unmap_element", &Values::grant_unmap_element},
        Writer{"ringfold_grant_copy_element", &Values::grant_copy_element},
        Writer{"ringfold_grant_transfer_element", &Values::grant_transfer_element},
        Writer{"ringfold_domain_schedule", &Values::domain_schedule},
        Writer{"ringfold_vcpu_schedule", &Values::vcpu_schedule},
    };
    const auto *const writer =
        std::find_if(writers.begin(), writers.end(), [name](const Writer &each) { return each.name == name; });
    return writer == writers.end() ? Bytes{} : (this->*writer->make)();
}

void Values::write_records(std::string_view name, uint64_t offset, uint64_t count) {
    constexpr uint64_t most = 4;  // the others are what stands there
    const uint64_t written = name == "uint64_t" ? most : std::min(count, most);
    for (uint64_t done = 0; done < written; ++done) {
        Bytes bytes = record(name);
        if (const uint64_t form = byte(); form >= first_raw && !bytes.empty()) {
            input_.scribble(bytes.data(), bytes.size());
        }
        (void)caller_.call_buffer.write(offset + done * bytes.size(), bytes);
    }
}

Values::Bytes Values::page_table_operation() {
    ringfold_page_table_operation operation{.operation = static_cast<uint32_t>(byte() % 9)};
    switch (operation.operation) {
        case RINGFOLD_PAGE_TABLE_PIN:
        case RINGFOLD_PAGE_TABLE_UNPIN:
        case RINGFOLD_PAGE_TABLE_LOAD_ROOT:
            operation.address = frame(byte());
            operation.count = static_cast<uint32_t>(byte() % 6);
            operation.value = operation.count % 3;
            break;
        case RINGFOLD_PAGE_TABLE_FLUSH:
            operation.address = address();
            operation.count = static_cast<uint32_t>(byte() % 4);
            operation.value = byte() % 4;
            operation.mask = byte();
            break;
        default:
            operation.address = entry_address();
            operation.value = entry();
            operation.mask = byte() % 2 == 0 ? uint64_t{RINGFOLD_ENTRY_WRITABLE} : entry();
            operation.count = static_cast<uint32_t>(byte() * 3);
    }
    return bytes_of(operation);
}

Values::Bytes Values::multicall_element() {
    ringfold_multicall_element element{};
    element.number = byte() % (all_calls().size() + 1);
    if (const Call *const call = find_call(element.number); call != nullptr) {
        for (std::size_t index = 0; index < call->arguments.size(); ++index) {
            element.arguments[index] = argument(call->arguments[index]);
        }
    }
    return bytes_of(element);
}

Values::Bytes Values::vcpu_entries() {
    ringfold_vcpu_entries entries{};
    entries.hypercall_return = address();
    entries.syscall = address();
    entries.upcall = address();
    entries.window_start = address();
    entries.window_iretq = entries.window_start + byte();
    entries.exceptions[byte() % std::size(entries.exceptions)] = address();
    return bytes_of(entries);
}

Values::Bytes Values::vcpu_context() {
    ringfold_vcpu_context context{};
    context.rip = address();
    const Player &owner = world_.pick(input_.number(1));
    context.root = frame_of(owner, layout::l4, 1);
    context.vcpu_page = frame_of(owner, layout::first_vcpu_page, layout::vcpus);
    context.gs_base = address();
    context.fs_base = address();
    return bytes_of(context);
}

Values::Bytes Values::vcpu_registers() {
    ringfold_vcpu_registers registers{};
    registers.rip = 0xffff'ffff'8100'0000;
    registers.rflags = 0x202;
    registers.cs = RINGFOLD_KERNEL_CS;
    registers.ss = RINGFOLD_KERNEL_DS;
    const Player &owner = world_.pick(input_.number(1));
    registers.root = frame_of(owner, layout::l4, 1);
    registers.vcpu_page = frame_of(owner, layout::first_vcpu_page, layout::vcpus);
    registers.thread_descriptors[0] = descriptor();
    registers.debug_addresses[0] = address();
    return bytes_of(registers);
}

Values::Bytes Values::domain_configuration() {
    ringfold_domain_configuration configuration{.name = "made"};
    configuration.maximum_frames = byte() * 4;
    configuration.rights = byte() % 2 == 0 ? 0 : byte();
    configuration.vcpu_count = static_cast<uint32_t>(byte() % 4);
    configuration.first_cpu = static_cast<uint32_t>(byte() % 8);
    configuration.flags = byte() % 2;
    return bytes_of(configuration);
}

Values::Bytes Values::domain_copy_element() {
    ringfold_domain_copy_element element{};
    element.frame = frame(byte());
    element.buffer_offset = offset(byte());
    element.frame_offset = static_cast<uint32_t>(byte() * 16);
    element.length = static_cast<uint32_t>(byte() * 2);
    return bytes_of(element);
}

Values::Bytes Values::grant_map_element() {
    ringfold_grant_map_element element{};
    element.domain = static_cast<uint16_t>(domain(byte()));
    element.flags = static_cast<uint16_t>(byte() % 3);
    element.reference = static_cast<uint32_t>(byte() % 16);
    return bytes_of(element);
}

Values::Bytes Values::grant_unmap_element() {
    return bytes_of(ringfold_grant_unmap_element{.handle = static_cast<uint32_t>(byte() % 16), .status = 0});
}

Values::Bytes Values::grant_copy_element() {
    ringfold_grant_copy_element element{};
    for (ringfold_grant_copy_end *const end : {&element.source, &element.destination}) {
        end->flags = static_cast<uint32_t>(byte() % 2);
        end->page = end->flags != 0 ? byte() % 16 : frame(byte());
        end->domain = end->flags != 0 ? static_cast<uint16_t>(domain(byte())) : uint16_t{0};
        end->offset = static_cast<uint16_t>(byte() * 16);
    }
    element.length = static_cast<uint32_t>(byte() * 8);
    return bytes_of(element);
}

Values::Bytes Values::grant_transfer_element() {
    ringfold_grant_transfer_element element{};
    element.frame = frame(byte());
    element.domain = static_cast<uint16_t>(domain(byte()));
    element.reference = static_cast<uint32_t>(byte() % 16);
    return bytes_of(element);
}

Values::Bytes Values::domain_schedule() {
    ringfold_domain_schedule schedule{};
    schedule.weight = static_cast<uint32_t>(byte() * 16);
    schedule.cap = static_cast<uint32_t>(byte() % 2 == 0 ? 0 : byte());
    schedule.pool = static_cast<uint32_t>(byte() % 4);
    return bytes_of(schedule);
}

Values::Bytes Values::vcpu_schedule() {
    ringfold_vcpu_schedule schedule{};
    schedule.affinity = byte();
    schedule.preferred = byte();
    return bytes_of(schedule);
}

Values::Bytes Values::word() {
    const uint64_t form = byte();
    const uint64_t value = form < 0xd0 ? frame(form) : form < first_raw ? descriptor() : raw();
    return bytes_of(value);
}

Values::Bytes Values::half_word() { return bytes_of(static_cast<uint32_t>(port(byte()))); }

Values::Bytes Values::any_bytes() { return bytes_of(raw()); }

Values::Bytes Values::grant_entry() {
    ringfold_grant_entry entry{};
    const auto flags = static_cast<uint32_t>(byte() % 8);  // its kind, and whether it may only be read
    entry.control = flags | static_cast<uint32_t>(domain(byte())) << RINGFOLD_GRANT_DOMAIN_SHIFT;
    entry.frame = frame(byte());
    return bytes_of(entry);
}

// --- memory

void Values::write_memory() {
    switch (byte() % 4) {
        case 0: {
            const uint64_t place = byte() % 16 * sizeof(ringfold_grant_entry);
            if (self_.frames.size() > layout::grant_table) {
                write_own(self_.frames[layout::grant_table], place, grant_entry());
            }
            break;
        }
        case 1: {
            const MachineFrame where{frame(byte())};
            write_own(where, byte() * 8, bytes_of(entry()));
            break;
        }
        case 2: {
            const MachineFrame where{frame(byte())};
            write_own(where, byte() * 16, any_bytes());
            break;
        }
        default:
            std::atomic_ref<uint8_t>(caller_.page->interrupt_flag).store(byte() % 2 == 0 ? 1 : 0);
            std::atomic_ref<uint8_t>(caller_.page->upcall_pending).store(0);
    }
}

// A frame is the guest's to write if it has a writable mapping, or could have one for a moment.
void Values::write_own(MachineFrame frame, uint64_t offset, std::span<const std::byte> bytes) const {
    const FrameInfo *const info = frame_table::find(frame);
    if (info == nullptr || !info->owned_by(self_.id)) {
        return;
    }
    const FrameType type = info->state().type();
    if (type == FrameType::writable || type == FrameType::none) {
        std::memcpy(pointer_to<std::byte>(frame) + offset, bytes.data(), std::min(bytes.size(), page_size - offset));
    }
}

}  // namespace ringfold::fuzzed
