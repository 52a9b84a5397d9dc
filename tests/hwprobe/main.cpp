// SPDX-License-Identifier: Apache-2.0
//
// hwprobe: what does this processor do in ring 1? Tries, one by one, everything that Ringfold's design relies on, and
// prints a line each, "name | expected | seen | ok", on the first serial port and on the screen. It needs no disk and
// changes nothing. Words on its command line: `nowait` (do not wait at full screens), `exit` (leave the emulator: QEMU
// with its debug-exit device at port 0x501, or Bochs).
#include "tests/hwprobe/arrangement.hpp"
#include "tests/hwprobe/console.hpp"
#include "tests/hwprobe/descriptors.hpp"
#include "tests/hwprobe/features.hpp"
#include "tests/hwprobe/processor.hpp"
#include "tests/hwprobe/report.hpp"
#include "tests/hwprobe/words.hpp"

#include <span>

namespace hwprobe {
namespace {

struct Counts {
    unsigned ok = 0;
    unsigned differs = 0;
    unsigned skipped = 0;
};

// Code and stack segments of each ring to begin in.
constexpr std::array<uint16_t, 4> code_selectors{0x08, 0x19, 0x4a, 0x2b};
constexpr std::array<uint16_t, 4> stack_selectors{0x10, 0x21, 0x52, 0x33};

EntryFrame entry_of(const Probe &probe) {
    return {.rip = address(probe.code),
            .cs = code_selectors[probe.ring & 3],
            .rflags = probe.rflags,
            .rsp = address(probe.ring == 3 ? user_stack_top : probe_stack_top),
            .ss = stack_selectors[probe.ring & 3]};
}

Text line_start(const Probe &probe) {
    Text line;
    line.add(probe.name).add(" | ").add(probe.expected);
    if (*probe.also != '\0') {
        line.add(" or ").add(probe.also);
    }
    return line;
}

void try_probe(const Probe &probe, Counts &counts) {
    Text line = line_start(probe);
    if (!has(probe.needs)) {
        ++counts.skipped;
        print_line(line.add(" | feature missing | skipped").view());
        return;
    }
    const EntryFrame entry = entry_of(probe);
    Outcome outcome{};
    arrange(probe);
    run_probe(&entry, &outcome);
    arrange_back(probe);
    const Text seen = describe(probe, entry, outcome);
    const bool right = seen.view() == probe.expected || (*probe.also != '\0' && seen.view() == probe.also);
    ++(right ? counts.ok : counts.differs);
    print_line(line.add(" | ").add(seen.view()).add(right ? " | ok" : " | DIFFERS").view());
}

void print_summary(const Counts &counts) {
    Text line;
    line.add("summary | ").add_number(counts.ok, 10).add(" ok, ").add_number(counts.differs, 10).add(" differ, ");
    print_line(line.add_number(counts.skipped, 10).add(" skipped").view());
}

// QEMU's debug-exit device; Bochs' shutdown port.
void leave_emulator() {
    asm volatile("outl %0, %1" : : "a"(0), "Nd"(uint16_t{0x501}));
    for (const char character : std::string_view{"Shutdown"}) {
        write_port(0x8900, static_cast<uint8_t>(character));
    }
}

}  // namespace

extern "C" void hwprobe_main(uint32_t magic, uint32_t information) {
    const CommandLineWords words = read_command_line(magic, information);
    open_console(!words.nowait);
    print_line("Ringfold hwprobe: what this processor does in ring 1");
    print_processor();
    load_descriptors();
    arrange_machine();
    Counts counts;
    for (const Probe &probe : std::span(probes_begin, probes_end)) {
        try_probe(probe, counts);
    }
    print_summary(counts);
    end_screen();
    if (words.exit) {
        leave_emulator();
    }
}

}  // namespace hwprobe
