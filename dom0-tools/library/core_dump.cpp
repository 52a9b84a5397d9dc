// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/core_dump.hpp"

#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/linear_map.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/procfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace ringfold::tools {

namespace {

constexpr uint64_t pages_at_once = 256;

class PausedDomain {
  public:
    PausedDomain(const Hypervisor &hypervisor, DomainId domain)
        : hypervisor_(hypervisor), domain_(domain), paused_(hypervisor.pause(domain).ok()) {}
    PausedDomain(const PausedDomain &) = delete;
    PausedDomain &operator=(const PausedDomain &) = delete;
    ~PausedDomain() {
        if (paused_) {
            (void)hypervisor_.unpause(domain_).ok();  // fails only for a domain that is gone
        }
    }

  private:
    const Hypervisor &hypervisor_;
    DomainId domain_;
    bool paused_;
};

template <typename T>
void append(std::string &bytes, const T &value) {
    bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
}

// As gdb reads them: struct elf_prstatus, in Linux' order of registers.
std::string status_note(uint32_t vcpu, const ringfold_vcpu_registers &r) {
    elf_prstatus status{};
    status.pr_pid = static_cast<pid_t>(vcpu + 1);
    const unsigned long long registers[] = {r.r15,    r.r14, r.r13, r.r12,     r.rbp,     r.rbx, r.r11, r.r10, r.r9,
                                            r.r8,     r.rax, r.rcx, r.rdx,     r.rsi,     r.rdi, r.rax, r.rip, r.cs,
                                            r.rflags, r.rsp, r.ss,  r.fs_base, r.gs_base, r.ds,  r.es,  r.fs,  r.gs};
    static_assert(sizeof registers == sizeof status.pr_reg);
    std::memcpy(&status.pr_reg, registers, sizeof registers);
    constexpr std::string_view owner{"CORE\0\0\0\0", 8};
    std::string note;
    append(note, Elf64_Nhdr{5, sizeof status, NT_PRSTATUS});
    note += owner;
    append(note, status);
    note.resize((note.size() + 3) / 4 * 4);
    return note;
}

struct CoreLayout {
    std::string notes;
    std::vector<LinearRange> ranges;
    uint64_t memory_offset = 0;  // in the file
};

std::string file_head(CoreLayout &layout) {
    const std::size_t headers = layout.ranges.size() + 1;
    const uint64_t notes_offset = sizeof(Elf64_Ehdr) + headers * sizeof(Elf64_Phdr);
    layout.memory_offset = (notes_offset + layout.notes.size() + page_size - 1) / page_size * page_size;
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG "\2\1\1", 7);
    header.e_type = ET_CORE;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<Elf64_Half>(headers);
    std::string head;
    append(head, header);
    append(head, Elf64_Phdr{PT_NOTE, 0, notes_offset, 0, 0, layout.notes.size(), 0, 4});
    for (const LinearRange &range : layout.ranges) {
        const uint64_t physical = range.first_frame << page_shift;
        const uint64_t size = range.pages << page_shift;
        append(head, Elf64_Phdr{PT_LOAD, PF_R | PF_W | PF_X, layout.memory_offset + physical, range.address, physical,
                                size, size, page_size});
    }
    head += layout.notes;
    head.resize(layout.memory_offset);
    return head;
}

Outcome<void> write_all(const Descriptor &file, const void *bytes, std::size_t size, uint64_t offset) {
    const auto *from = static_cast<const char *>(bytes);
    while (size > 0) {
        const ssize_t written = pwrite(file.number(), from, size, static_cast<off_t>(offset));
        if (written <= 0) {
            return system_failure("writing the core", errno);
        }
        from += written;
        size -= static_cast<std::size_t>(written);
        offset += static_cast<uint64_t>(written);
    }
    return {};
}

// So many of the first frames have one behind them, or have none.
std::size_t alike(std::span<const uint64_t> frames) {
    const bool missing = frames.front() == RINGFOLD_NO_FRAME;
    const auto other =
        std::ranges::find_if(frames, [missing](uint64_t frame) { return (frame == RINGFOLD_NO_FRAME) != missing; });
    return static_cast<std::size_t>(other - frames.begin());
}

// A piece at a time; where a frame of it is not the guest's any more, page by page. Pages without a frame are holes of
// the file.
Outcome<void> write_memory(const Hypervisor &hypervisor, DomainId domain, std::span<const uint64_t> frames,
                           const Descriptor &file, uint64_t offset, CoreSummary &summary) {
    std::vector<std::byte> pages(pages_at_once * page_size);
    uint64_t first = 0;
    for (auto left = frames; !left.empty(); first = frames.size() - left.size()) {
        const std::size_t run = alike(left);
        if (left.front() == RINGFOLD_NO_FRAME) {
            left = left.subspan(run);
            continue;
        }
        const auto some = left.first(std::min<std::size_t>(pages_at_once, run));
        left = left.subspan(some.size());
        if (!hypervisor.copy_out(domain, some, std::span{pages}.first(some.size() * page_size)).ok()) {
            for (std::size_t index = 0; index < some.size(); ++index) {
                const auto page = std::span{pages}.subspan(index * page_size, page_size);
                if (!hypervisor.copy_out(domain, some.subspan(index, 1), page).ok()) {
                    std::ranges::fill(page, std::byte{0});
                    ++summary.missing;
                }
            }
        }
        TRY(write_all(file, pages.data(), some.size() * page_size, offset + first * page_size));
        summary.pages += some.size();
    }
    const auto size = static_cast<off_t>(offset + frames.size() * page_size);
    return ftruncate(file.number(), size) == 0 ? Outcome<void>{} : system_failure("writing the core", errno);
}

}  // namespace

Outcome<CoreSummary> write_core(const Hypervisor &hypervisor, DomainId domain, std::span<const uint64_t> built,
                                const MapPlace &map, const std::filesystem::path &path) {
    if (built.empty()) {
        return Failure{Kind::unsupported, "hvd did not build this domain and does not know which memory it has"};
    }
    const PausedDomain paused(hypervisor, domain);
    const std::vector<uint64_t> frames = read_physical_map(hypervisor, domain, built, map);
    CoreSummary summary;
    CoreLayout layout;
    const ringfold_domain_info info = TRY(hypervisor.describe(domain));
    for (uint32_t vcpu = 0; vcpu < info.vcpu_count; ++vcpu) {
        const Outcome<ringfold_vcpu_registers> registers = hypervisor.registers(domain, vcpu);
        if (!registers.ok()) {
            continue;  // offline, or the domain has ended
        }
        layout.notes += status_note(vcpu, registers.value());
        if (summary.vcpus++ == 0) {
            layout.ranges = TRY(kernel_ranges(hypervisor, domain, registers.value().root, frames));
        }
    }
    if (layout.ranges.empty()) {
        layout.ranges.push_back({0, 0, frames.size()});
    }
    summary.segments = layout.ranges.size();
    const std::string head = file_head(layout);
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.is_open()) {
        return system_failure(path.string(), errno);
    }
    TRY(write_all(file, head.data(), head.size(), 0));
    TRY(write_memory(hypervisor, domain, frames, file, layout.memory_offset, summary));
    return summary;
}

}  // namespace ringfold::tools
