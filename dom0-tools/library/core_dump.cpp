// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/core_dump.hpp"

#include "dom0-tools/library/core_note.hpp"
#include "dom0-tools/library/core_registers.hpp"
#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/linear_map.hpp"
#include "dom0-tools/library/physical_table.hpp"

#include <ringfold/debug.h>

#include <elf.h>
#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace ringfold::tools {

namespace {

constexpr uint64_t pages_at_once = 256;
// No processor has linear addresses from here on: what the kernel has mapped nowhere is there, by physical address.
constexpr uint64_t unmapped_base = uint64_t{1} << 47;
constexpr std::size_t most_segments = PN_XNUM - 2;

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

// What is to be known of a guest's memory.
struct GuestFrames {
    explicit GuestFrames(std::vector<uint64_t> frames) : machine(std::move(frames)), index(machine) {}
    GuestFrames(const GuestFrames &) = delete;
    GuestFrames &operator=(const GuestFrames &) = delete;

    const std::vector<uint64_t> machine;  // of pseudo-physical frames 0, 1, ...
    const PhysicalIndex index;
    std::vector<uint8_t> types;  // RINGFOLD_FRAME_*
};

struct CoreLayout {
    std::string notes;
    std::vector<LinearRange> ranges;
    uint64_t memory_offset = 0;  // in the file
};

// As many as there can be.
void add_unmapped(const GuestFrames &guest, std::vector<LinearRange> &ranges) {
    std::vector<bool> mapped(guest.machine.size());
    for (const LinearRange &range : ranges) {
        std::fill_n(mapped.begin() + static_cast<std::ptrdiff_t>(range.first_frame), range.pages, true);
    }
    bool follows = false;  // the frame before is in the last range
    for (uint64_t frame = 0; frame < mapped.size(); ++frame) {
        const bool is_left = !mapped[frame] && guest.machine[frame] != RINGFOLD_NO_FRAME;
        if (is_left && follows) {
            ++ranges.back().pages;
        } else if (is_left && ranges.size() < most_segments) {
            ranges.push_back({unmapped_base + (frame << page_shift), frame, 1});
        }
        follows = is_left && ranges.size() < most_segments;
    }
}

// The lowest memory first: crash takes what lies before the first segment's bytes for headers. And no alignment: that
// is how it tells what /proc/vmcore looks like from older kinds.
void put_in_order(std::vector<LinearRange> &ranges) {
    std::ranges::stable_sort(ranges, [](const LinearRange &one, const LinearRange &other) {
        return one.first_frame != other.first_frame ? one.first_frame < other.first_frame : one.pages > other.pages;
    });
}

std::string file_head(CoreLayout &layout) {
    put_in_order(layout.ranges);
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
                                size, size, 0});
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

// Page tables among these pages, that begin with pseudo-physical frame `first`, name pseudo-physical frames then.
void make_tables_physical(const GuestFrames &guest, uint64_t first, std::span<uint64_t> words) {
    for (uint64_t frame = first; !words.empty(); ++frame, words = words.subspan(table_entries)) {
        const unsigned type = guest.types[frame];
        if (type >= RINGFOLD_FRAME_L1 && type <= RINGFOLD_FRAME_L4) {
            const auto level = static_cast<Level>(type - RINGFOLD_FRAME_L1 + 1);
            make_physical(words.first(table_entries), level, guest.index);
        }
    }
}

// A piece at a time; where a frame of it is not the guest's any more, page by page. Pages without a frame are holes of
// the file.
Outcome<void> write_memory(const Hypervisor &hypervisor, DomainId domain, const GuestFrames &guest,
                           const Descriptor &file, uint64_t offset, CoreSummary &summary) {
    std::vector<uint64_t> words(pages_at_once * table_entries);
    const std::span<std::byte> pages = std::as_writable_bytes(std::span{words});
    const std::span<const uint64_t> frames{guest.machine};
    uint64_t first = 0;
    for (auto left = frames; !left.empty(); first = frames.size() - left.size()) {
        const std::size_t run = alike(left);
        if (left.front() == RINGFOLD_NO_FRAME) {
            left = left.subspan(run);
            continue;
        }
        const auto some = left.first(std::min<std::size_t>(pages_at_once, run));
        left = left.subspan(some.size());
        if (!hypervisor.copy_out(domain, some, pages.first(some.size() * page_size)).ok()) {
            for (std::size_t index = 0; index < some.size(); ++index) {
                const auto page = pages.subspan(index * page_size, page_size);
                if (!hypervisor.copy_out(domain, some.subspan(index, 1), page).ok()) {
                    std::ranges::fill(page, std::byte{0});
                    ++summary.missing;
                }
            }
        }
        make_tables_physical(guest, first, std::span{words}.first(some.size() * table_entries));
        TRY(write_all(file, pages.data(), some.size() * page_size, offset + first * page_size));
        summary.pages += some.size();
    }
    const auto size = static_cast<off_t>(offset + frames.size() * page_size);
    return ftruncate(file.number(), size) == 0 ? Outcome<void>{} : system_failure("writing the core", errno);
}

// A root of the guest's. Each has the kernel's half; one that no vCPU runs on will do where there are no registers.
std::optional<uint64_t> any_root(const GuestFrames &guest) {
    const auto found = std::ranges::find(guest.types, RINGFOLD_FRAME_L4);
    return found == guest.types.end()
               ? std::nullopt
               : std::optional{guest.machine[static_cast<std::size_t>(found - guest.types.begin())]};
}

// Registers as notes, and the first vCPU's root.
Outcome<std::optional<uint64_t>> note_registers(const Hypervisor &hypervisor, DomainId domain, const GuestFrames &guest,
                                                CoreLayout &layout, CoreSummary &summary) {
    std::optional<uint64_t> first_root;
    std::string machine_notes;  // behind the others, as QEMU has them
    const ringfold_domain_info info = TRY(hypervisor.describe(domain));
    for (uint32_t vcpu = 0; vcpu < info.vcpu_count; ++vcpu) {
        const Outcome<ringfold_vcpu_registers> registers = hypervisor.registers(domain, vcpu);
        if (!registers.ok()) {
            continue;  // offline, or the domain has ended
        }
        const uint64_t root = registers.value().root;
        layout.notes += status_note(vcpu, registers.value());
        machine_notes += machine_note(registers.value(), guest.index.find(MachineFrame{root}));
        ++summary.vcpus;
        first_root = first_root.value_or(root);
    }
    layout.notes += machine_notes;
    return first_root;
}

}  // namespace

Outcome<CoreSummary> write_core(const Hypervisor &hypervisor, DomainId domain, std::span<const uint64_t> built,
                                const MapPlace &map, const std::filesystem::path &path) {
    if (built.empty()) {
        return Failure{Kind::unsupported, "hvd did not build this domain and does not know which memory it has"};
    }
    const PausedDomain paused(hypervisor, domain);
    GuestFrames guest(read_physical_map(hypervisor, domain, built, map));
    guest.types = TRY(hypervisor.frame_types(domain, guest.machine));
    CoreSummary summary;
    CoreLayout layout;
    std::optional<uint64_t> root = TRY(note_registers(hypervisor, domain, guest, layout, summary));
    layout.notes += read_core_note(hypervisor, domain, guest.machine, map);
    if (root = root ? root : any_root(guest); root) {
        layout.ranges = TRY(kernel_ranges(hypervisor, domain, *root, guest.index));
    }
    add_unmapped(guest, layout.ranges);
    summary.segments = layout.ranges.size();
    const std::string head = file_head(layout);
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.is_open()) {
        return system_failure(path.string(), errno);
    }
    TRY(write_all(file, head.data(), head.size(), 0));
    TRY(write_memory(hypervisor, domain, guest, file, layout.memory_offset, summary));
    return summary;
}

}  // namespace ringfold::tools
