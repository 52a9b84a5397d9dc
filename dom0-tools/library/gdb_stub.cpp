// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/gdb_stub.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

namespace ringfold::tools {

namespace {

constexpr uint64_t trap_flag = 1U << 8;
constexpr uint64_t resume_flag = 1U << 16;
constexpr uint64_t control_reset = 0x400;
constexpr std::size_t debug_addresses = 4;
constexpr std::size_t most_memory = 16'384;  // bytes in a packet
constexpr int signal_interrupt = 2;
constexpr int signal_trap = 5;

constexpr std::string_view wrong_packet = "E16";   // EINVAL
constexpr std::string_view no_memory = "E0e";      // EFAULT
constexpr std::string_view no_breakpoint = "E1c";  // ENOSPC: more than the processor has
constexpr std::string_view not_stopped = "E10";    // EBUSY
constexpr std::string_view not_known;              // the protocol's answer to what a stub does not have

// The registers of org.gnu.gdb.i386.core that the hypervisor tells, in its order; those of the FPU behind them.
struct Word {
    const char *name;
    uint64_t ringfold_vcpu_registers::*place;
};
constexpr std::array words{
    Word{"rax", &ringfold_vcpu_registers::rax}, Word{"rbx", &ringfold_vcpu_registers::rbx},
    Word{"rcx", &ringfold_vcpu_registers::rcx}, Word{"rdx", &ringfold_vcpu_registers::rdx},
    Word{"rsi", &ringfold_vcpu_registers::rsi}, Word{"rdi", &ringfold_vcpu_registers::rdi},
    Word{"rbp", &ringfold_vcpu_registers::rbp}, Word{"rsp", &ringfold_vcpu_registers::rsp},
    Word{"r8", &ringfold_vcpu_registers::r8},   Word{"r9", &ringfold_vcpu_registers::r9},
    Word{"r10", &ringfold_vcpu_registers::r10}, Word{"r11", &ringfold_vcpu_registers::r11},
    Word{"r12", &ringfold_vcpu_registers::r12}, Word{"r13", &ringfold_vcpu_registers::r13},
    Word{"r14", &ringfold_vcpu_registers::r14}, Word{"r15", &ringfold_vcpu_registers::r15},
    Word{"rip", &ringfold_vcpu_registers::rip},
};
struct Selector {
    const char *name;
    uint16_t ringfold_vcpu_registers::*place;
};
constexpr std::array selectors{
    Selector{"cs", &ringfold_vcpu_registers::cs}, Selector{"ss", &ringfold_vcpu_registers::ss},
    Selector{"ds", &ringfold_vcpu_registers::ds}, Selector{"es", &ringfold_vcpu_registers::es},
    Selector{"fs", &ringfold_vcpu_registers::fs}, Selector{"gs", &ringfold_vcpu_registers::gs},
};
constexpr std::array<const char *, 8> fpu_control{"fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop"};
constexpr unsigned fpu_registers = 8;
constexpr unsigned fpu_register_bytes = 10;
constexpr unsigned short_bytes = 4;  // of flags, selectors, the FPU's control words

// What gdb is told of the registers (GDB manual, "Target Descriptions", "i386 Features").
std::string target_description() {
    std::string text =
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
        "<architecture>i386:x86-64</architecture><feature name=\"org.gnu.gdb.i386.core\">";
    const auto add = [&text](std::string_view name, unsigned bits, std::string_view type) {
        text += fmt::format("<reg name=\"{}\" bitsize=\"{}\" type=\"{}\"/>", name, bits, type);
    };
    for (const Word &word : words) {
        const std::string_view name = word.name;
        add(name, 64, name == "rip" ? "code_ptr" : name == "rsp" || name == "rbp" ? "data_ptr" : "int64");
    }
    add("eflags", 32, "int32");
    for (const Selector &selector : selectors) {
        add(selector.name, 32, "int32");
    }
    for (unsigned number = 0; number < fpu_registers; ++number) {
        add(fmt::format("st{}", number), 80, "i387_ext");
    }
    for (const char *name : fpu_control) {
        add(name, 32, "int");
    }
    text += "</feature><feature name=\"org.gnu.gdb.i386.segments\">";
    add("fs_base", 64, "int");
    add("gs_base", 64, "int");
    return text + "</feature></target>";
}

std::string unknown_bytes(unsigned bytes) { return std::string(std::size_t{2} * bytes, 'x'); }

// Takes a register's digits off the front; nothing if they are no number: it stays as it is.
std::optional<uint64_t> take_register(std::string_view &digits, unsigned bytes) {
    const std::optional<std::string> value = parse_hex_bytes(digits.substr(0, std::size_t{2} * bytes));
    digits.remove_prefix(std::min<std::size_t>(digits.size(), std::size_t{2} * bytes));
    if (!value || value->size() != bytes) {
        return std::nullopt;
    }
    uint64_t number = 0;
    for (std::size_t index = bytes; index-- > 0;) {
        number = number << 8 | static_cast<uint8_t>((*value)[index]);
    }
    return number;
}

// DR7's length field (Intel SDM vol. 3B, 18.2.4): 1, 2 and 4 bytes are 0, 1 and 3, 8 bytes are 2.
uint64_t length_field(uint32_t bytes) { return bytes == 8 ? 2 : bytes - 1; }

}  // namespace

// --- the guest ---

Outcome<void> GdbStub::attach() {
    TRY(hypervisor_.set_debug(domain_, RINGFOLD_DEBUG_STOPS));
    attached_ = true;
    TRY(stop());
    for (const auto &[vcpu, thread] : threads_) {
        Before &before = before_[vcpu];
        std::copy_n(thread.registers.debug_addresses, debug_addresses, before.addresses.begin());
        before.control = thread.registers.debug_control;
    }
    if (threads_.empty()) {
        return Failure{Kind::busy, "no vCPU of it is online"};
    }
    return {};
}

// One pause of the stub's own, and those of the vCPUs that came to a debug exception.
Outcome<void> GdbStub::stop() {
    TRY(hypervisor_.pause(domain_));
    pauses_ = 1;
    running_ = false;
    return read_threads();
}

Outcome<void> GdbStub::read_threads() {
    const ringfold_domain_info info = TRY(hypervisor_.describe(domain_));
    threads_.clear();
    memory_.forget();
    reason_ = 0;
    for (uint32_t vcpu = 0; vcpu < info.vcpu_count; ++vcpu) {
        const Outcome<ringfold_vcpu_registers> registers = hypervisor_.registers(domain_, vcpu);
        if (!registers.ok() && registers.error().kind == Kind::not_found) {
            continue;  // it is offline
        }
        Thread thread{.registers = TRY(registers)};
        if (thread.registers.debug_status != 0) {
            ++pauses_;
            if (reason_ == 0) {
                reason_ = thread.registers.debug_status;
                stopped_ = vcpu;
            }
        }
        threads_.emplace(vcpu, thread);
    }
    if (!threads_.contains(stopped_) && !threads_.empty()) {
        stopped_ = threads_.begin()->first;
    }
    chosen_ = stopped_;
    return {};
}

void GdbStub::load_breakpoints(Thread &thread) const {
    ringfold_vcpu_registers &registers = thread.registers;
    registers.debug_control = control_reset;
    std::fill_n(registers.debug_addresses, debug_addresses, 0);
    for (std::size_t index = 0; index < breakpoints_.size(); ++index) {
        const Breakpoint &breakpoint = breakpoints_[index];
        registers.debug_addresses[index] = breakpoint.address;
        registers.debug_control |= uint64_t{1} << (2 * index);
        registers.debug_control |= (breakpoint.condition | length_field(breakpoint.length) << 2) << (16 + 4 * index);
        // It was told of this one.
        if (breakpoint.condition == 0 && breakpoint.address == registers.rip) {
            registers.rflags |= resume_flag;
        }
    }
    registers.rflags = thread.steps ? registers.rflags | trap_flag : registers.rflags & ~trap_flag;
}

Outcome<void> GdbStub::go_on() {
    for (auto &[vcpu, thread] : threads_) {
        load_breakpoints(thread);
        TRY(hypervisor_.set_registers(domain_, vcpu, thread.registers));
    }
    running_ = true;
    for (; pauses_ > 0; --pauses_) {
        TRY(hypervisor_.unpause(domain_));
    }
    return {};
}

void GdbStub::look() {
    if (over_ || !running_) {
        return;
    }
    const Outcome<ringfold_domain_info> info = hypervisor_.describe(domain_);
    if (!info.ok() || info.value().state >= RINGFOLD_DOMAIN_ENDING) {
        const bool crashed = info.ok() && info.value().shutdown_reason == RINGFOLD_SHUTDOWN_CRASH;
        end(crashed ? "X06" : "W00");
        return;
    }
    if (info.value().pauses == 0) {
        return;
    }
    const Outcome<void> stopped = stop();
    if (stopped.ok() && reason_ == 0) {  // somebody else has paused it, for now
        running_ = hypervisor_.unpause(domain_).ok();
        pauses_ = 0;
    } else if (stopped.ok()) {
        send(stop_reply());
    } else {
        end("W00");
    }
}

void GdbStub::end(std::string_view last_words) {
    send(last_words);
    attached_ = false;
    over_ = true;
}

// As if gdb had never been there; what fails, fails because the guest is gone.
void GdbStub::detach() {
    if (!std::exchange(attached_, false)) {
        return;
    }
    if (running_ && !stop().ok()) {
        return;
    }
    for (auto &[vcpu, thread] : threads_) {
        const Before &before = before_[vcpu];
        std::copy(before.addresses.begin(), before.addresses.end(), thread.registers.debug_addresses);
        thread.registers.debug_control = before.control | control_reset;
        thread.registers.rflags &= ~trap_flag;
        (void)hypervisor_.set_registers(domain_, vcpu, thread.registers).ok();
    }
    // Not before: what it comes to on the way is no business of the guest's.
    (void)hypervisor_.set_debug(domain_, RINGFOLD_DEBUG_DELIVERS).ok();
    for (; pauses_ > 0; --pauses_) {
        (void)hypervisor_.unpause(domain_).ok();
    }
}

// --- packets ---

void GdbStub::receive(std::string_view bytes) {
    reader_.feed(bytes);
    if (reader_.is_hopeless()) {
        over_ = true;
    }
    while (!over_) {
        const std::optional<GdbEvent> event = reader_.next();
        if (!event) {
            return;
        }
        switch (event->input) {
            case GdbInput::packet:
                output_ += '+';
                handle(event->content);
                break;
            case GdbInput::damaged:
                output_ += '-';
                break;
            case GdbInput::interrupt:
                if (running_ && stop().ok()) {
                    send(stop_reply());
                }
                break;
        }
    }
}

void GdbStub::handle(const std::string &content) {
    if (running_) {
        send(not_stopped);
        return;
    }
    const std::string text = answer(content);
    if (!running_) {
        send(text);
    }
    if (content.starts_with('D') || content.starts_with('k') || content.starts_with("vKill")) {
        detach();
        over_ = true;
    }
}

std::string GdbStub::answer(std::string_view content) {
    const char command = content.empty() ? '\0' : content[0];
    const std::string_view rest = content.substr(content.empty() ? 0 : 1);
    switch (command) {
        case '?':
            return stop_reply();
        case 'g':
            return read_registers();
        case 'G':
            return write_registers(rest);
        case 'm':
            return read_memory(rest);
        case 'M':
            return write_memory(rest);
        case 'H':
            return choose_thread(rest);
        case 'T': {
            std::string_view text = rest;
            return thread_in(text) ? "OK" : std::string{wrong_packet};
        }
        case 'Z':
        case 'z':
            return change_breakpoint(rest, command == 'Z');
        case 'c':
        case 's':
            return answer_resume(command == 'c' ? ";c" : fmt::format(";s:{:x};c", chosen_ + 1));
        case 'D':
        case 'k':
            return "OK";
        case 'q':
            return answer_query(rest);
        default:
            break;
    }
    if (content == "vCont?") {
        return "vCont;c;C;s;S";
    }
    if (content.starts_with("vCont;")) {
        return answer_resume(content.substr(5));
    }
    return content.starts_with("vKill") ? "OK" : std::string{not_known};
}

std::string GdbStub::answer_query(std::string_view content) {
    constexpr std::string_view features = "Xfer:features:read:target.xml:";
    if (content.starts_with("Supported")) {
        return fmt::format("PacketSize={:x};qXfer:features:read+;vContSupported+;hwbreak+", GdbReader::longest / 2);
    }
    if (content.starts_with(features)) {
        return answer_features(content.substr(features.size()));
    }
    if (content == "fThreadInfo") {
        return thread_list();
    }
    if (content == "sThreadInfo") {
        return "l";
    }
    if (content == "C") {
        return fmt::format("QC{:x}", chosen_ + 1);
    }
    if (content.starts_with("Attached")) {
        return "1";
    }
    if (content.starts_with("ThreadExtraInfo,")) {
        std::string_view text = content.substr(content.find(',') + 1);
        const std::optional<uint32_t> vcpu = thread_in(text);
        const std::string name = vcpu ? fmt::format("vCPU {}", *vcpu) : "offline";
        return hex_bytes(std::as_bytes(std::span{name}));
    }
    return std::string{not_known};
}

std::string GdbStub::answer_features(std::string_view range) const {
    const std::optional<uint64_t> offset = take_hex(range);
    const bool separated = take_character(range, ',');
    const std::optional<uint64_t> length = take_hex(range);
    if (!offset || !separated || !length) {
        return std::string{wrong_packet};
    }
    const std::string text = target_description();
    const std::size_t begin = std::min<std::size_t>(*offset, text.size());
    const std::string part = text.substr(begin, *length);
    return (begin + part.size() < text.size() ? "m" : "l") + part;
}

std::string GdbStub::thread_list() const {
    std::string list = "m";
    for (const auto &[vcpu, thread] : threads_) {
        list += fmt::format("{}{:x}", list.size() == 1 ? "" : ",", vcpu + 1);
    }
    return list;
}

std::string GdbStub::stop_reply() const {
    const std::string thread = fmt::format("thread:{:x};", stopped_ + 1);
    if (reason_ == 0) {
        return fmt::format("T{:02x}{}", signal_interrupt, thread);
    }
    for (std::size_t index = 0; index < breakpoints_.size(); ++index) {
        if ((reason_ & uint32_t{1} << index) == 0) {
            continue;
        }
        const Breakpoint &breakpoint = breakpoints_[index];
        if (breakpoint.condition == 0) {
            return fmt::format("T{:02x}{}hwbreak:;", signal_trap, thread);
        }
        const char *const kind = breakpoint.condition == 1 ? "watch" : "awatch";
        return fmt::format("T{:02x}{}{}:{:x};", signal_trap, thread, kind, breakpoint.address);
    }
    return fmt::format("T{:02x}{}", signal_trap, thread);
}

// --- threads ---

const GdbStub::Thread *GdbStub::current() const {
    const auto thread = threads_.find(chosen_);
    return thread == threads_.end() ? nullptr : &thread->second;
}

// The vCPU that a thread's number names, if it is online; 0 (any) and -1 (all) name the one that stopped.
std::optional<uint32_t> GdbStub::thread_in(std::string_view &text) const {
    if (text.starts_with("-1")) {
        text.remove_prefix(2);
        return stopped_;
    }
    const std::optional<uint64_t> number = take_hex(text);
    if (!number || *number > RINGFOLD_MAX_VCPUS) {
        return std::nullopt;
    }
    const uint32_t vcpu = *number == 0 ? stopped_ : static_cast<uint32_t>(*number - 1);
    return threads_.contains(vcpu) ? std::optional{vcpu} : std::nullopt;
}

std::string GdbStub::choose_thread(std::string_view content) {
    const bool is_for_registers = take_character(content, 'g');
    if (!is_for_registers && !take_character(content, 'c')) {
        return std::string{not_known};
    }
    const std::optional<uint32_t> vcpu = thread_in(content);
    if (!vcpu) {
        return std::string{wrong_packet};
    }
    chosen_ = *vcpu;
    return "OK";
}

// ";s:2;c": each action with the thread that it is about, or for all that no other action names.
std::string GdbStub::answer_resume(std::string_view actions) {
    for (auto &[vcpu, thread] : threads_) {
        thread.steps = false;
    }
    while (take_character(actions, ';')) {
        std::string_view action = actions.substr(0, actions.find(';'));
        actions.remove_prefix(action.size());
        const bool steps = action.starts_with('s') || action.starts_with('S');
        if (!steps && !action.starts_with('c') && !action.starts_with('C')) {
            return std::string{wrong_packet};
        }
        const std::size_t colon = action.find(':');
        std::string_view name = colon == std::string_view::npos ? std::string_view{} : action.substr(colon + 1);
        const std::optional<uint32_t> vcpu = name.empty() ? std::optional{stopped_} : thread_in(name);
        if (!vcpu) {
            return std::string{wrong_packet};
        }
        threads_.at(*vcpu).steps |= steps;
    }
    return go_on().ok() ? "" : std::string{wrong_packet};
}

// --- registers and memory ---

std::string GdbStub::read_registers() const {
    const Thread *const thread = current();
    if (thread == nullptr) {
        return std::string{wrong_packet};
    }
    std::string digits;
    for (const Word &word : words) {
        digits += hex_little_endian(thread->registers.*word.place, sizeof(uint64_t));
    }
    digits += hex_little_endian(thread->registers.rflags, short_bytes);
    for (const Selector &selector : selectors) {
        digits += hex_little_endian(thread->registers.*selector.place, short_bytes);
    }
    digits += unknown_bytes(fpu_registers * fpu_register_bytes + fpu_control.size() * short_bytes);
    return digits + hex_little_endian(thread->registers.fs_base, sizeof(uint64_t)) +
           hex_little_endian(thread->registers.gs_base, sizeof(uint64_t));
}

// Into the copy; the hypervisor checks them when the guest goes on, and so are they here.
std::string GdbStub::write_registers(std::string_view digits) {
    if (current() == nullptr) {
        return std::string{wrong_packet};
    }
    ringfold_vcpu_registers changed = current()->registers;
    for (const Word &word : words) {
        changed.*word.place = take_register(digits, sizeof(uint64_t)).value_or(changed.*word.place);
    }
    changed.rflags = take_register(digits, short_bytes).value_or(changed.rflags);
    for (const Selector &selector : selectors) {
        changed.*selector.place =
            static_cast<uint16_t>(take_register(digits, short_bytes).value_or(changed.*selector.place));
    }
    const std::size_t fpu_digits = 2 * (fpu_registers * fpu_register_bytes + fpu_control.size() * short_bytes);
    digits.remove_prefix(std::min(digits.size(), fpu_digits));
    changed.fs_base = take_register(digits, sizeof(uint64_t)).value_or(changed.fs_base);
    changed.gs_base = take_register(digits, sizeof(uint64_t)).value_or(changed.gs_base);
    if (!hypervisor_.set_registers(domain_, chosen_, changed).ok()) {
        return std::string{wrong_packet};
    }
    threads_.at(chosen_).registers = changed;
    return "OK";
}

std::string GdbStub::read_memory(std::string_view range) {
    const std::optional<uint64_t> address = take_hex(range);
    const bool separated = take_character(range, ',');
    const std::optional<uint64_t> length = take_hex(range);
    if (!address || !separated || !length || current() == nullptr) {
        return std::string{wrong_packet};
    }
    std::vector<std::byte> bytes(std::min<std::size_t>(*length, most_memory));
    const std::size_t read = memory_.read(current()->registers.root, *address, bytes);
    return read == 0 && *length != 0 ? std::string{no_memory} : hex_bytes(std::span{bytes}.first(read));
}

std::string GdbStub::write_memory(std::string_view content) {
    const std::optional<uint64_t> address = take_hex(content);
    const bool separated = take_character(content, ',');
    const std::optional<uint64_t> length = take_hex(content);
    const bool begun = take_character(content, ':');
    const std::optional<std::string> bytes = parse_hex_bytes(content);
    if (!address || !separated || !length || !begun || !bytes || bytes->size() != *length || current() == nullptr) {
        return std::string{wrong_packet};
    }
    const Outcome<void> written = memory_.write(current()->registers.root, *address, std::as_bytes(std::span{*bytes}));
    return std::string{written.ok() ? "OK" : no_memory};
}

// TYPE,ADDRESS,LENGTH: 0 and 1 are breakpoints, 2 watches writes, 4 accesses; 3 (reads) the processor does not have.
std::string GdbStub::change_breakpoint(std::string_view content, bool insert) {
    const std::optional<uint64_t> type = take_hex(content);
    const bool first = take_character(content, ',');
    const std::optional<uint64_t> address = take_hex(content);
    const bool second = take_character(content, ',');
    const std::optional<uint64_t> length = take_hex(content);
    if (!type || !first || !address || !second || !length) {
        return std::string{wrong_packet};
    }
    if (*type == 3 || *type > 4) {
        return std::string{not_known};
    }
    const bool watches = *type >= 2;
    const uint64_t bytes = watches ? *length : 1;
    if (!std::has_single_bit(bytes) || bytes > 8 || *address % bytes != 0) {
        return std::string{no_breakpoint};
    }
    const Breakpoint breakpoint{*address, watches ? (*type == 2 ? 1U : 3U) : 0U, static_cast<uint32_t>(bytes)};
    const auto known = std::ranges::find(breakpoints_, breakpoint);
    if (insert && known == breakpoints_.end()) {
        if (breakpoints_.size() == debug_addresses) {
            return std::string{no_breakpoint};
        }
        breakpoints_.push_back(breakpoint);
    } else if (!insert && known != breakpoints_.end()) {
        breakpoints_.erase(known);
    }
    return "OK";
}

}  // namespace ringfold::tools
