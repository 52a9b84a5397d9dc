// SPDX-License-Identifier: Apache-2.0
#include "tests/hwprobe/report.hpp"

#include "tests/hwprobe/descriptors.hpp"

namespace hwprobe {
namespace {

constexpr std::array exception_names{"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",   "#TS",
                                     "#NP", "#SS", "#GP", "#PF", "15",  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP"};
constexpr uint64_t marked_base = 0x0000'1234'5678'9000;  // return_probes.asm

bool has_error_code(uint64_t vector) {
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

void add_event(Text &text, const Outcome &outcome) {
    switch (outcome.vector) {
        case vector_done:
            text.add("ran");
            return;
        case vector_ring0_only:
            text.add("interrupt 31");
            return;
        case vector_syscall:
            text.add("SYSCALL entry");
            return;
        case vector_cstar:
            text.add("CSTAR entry");
            return;
        default:
            break;
    }
    if (outcome.vector >= exception_names.size()) {
        text.add("exception ").add_number(outcome.vector, 10);
        return;
    }
    text.add(exception_names[outcome.vector]);
    if (has_error_code(outcome.vector)) {
        text.add("(").add_number(outcome.error, 16).add(")");
    }
}

struct Place {
    const std::byte *where;
    const char *name;
};

// Where else than at its `here` a probe may end.
void add_place(Text &text, const Probe &probe, const Outcome &outcome) {
    if (outcome.vector >= vector_done || outcome.rip == address(probe.at)) {
        return;
    }
    constexpr std::size_t stub_size = 16;
    const std::array places{Place{syscall_entry, " at the SYSCALL entry"}, Place{gate_iretq, " at the gate's IRETQ"},
                            Place{stubs + 1 * stub_size, " at the #DB entry"},
                            Place{stubs + 3 * stub_size, " at the #BP entry"},
                            Place{stubs + 32 * stub_size, " at the INT n entry"}};
    for (const Place &place : places) {
        if (outcome.rip == address(place.where)) {
            text.add(place.name);
            return;
        }
    }
    text.add(" elsewhere");
}

void add_flag(Text &text, std::string_view separator, std::string_view name, uint64_t rflags, unsigned bit,
              unsigned width = 1) {
    text.add(separator).add(name).add("=").add_number(rflags >> bit & ((1u << width) - 1), 10);
}

}  // namespace

Text describe(const Probe &probe, const EntryFrame &entry, const Outcome &outcome) {
    Text text;
    add_event(text, outcome);
    text.add(" in ring ").add_number(outcome.cs & 3, 10);
    add_place(text, probe, outcome);
    switch (probe.report) {
        case Report::event:
            break;
        case Report::fixed_flags:
            add_flag(text, ", ", "IF", outcome.rflags, 9);
            add_flag(text, " ", "IOPL", outcome.rflags, 12, 2);
            add_flag(text, " ", "VIF", outcome.rflags, 19);
            add_flag(text, " ", "VIP", outcome.rflags, 20);
            break;
        case Report::taken_flags:
            add_flag(text, ", ", "AC", outcome.rflags, 18);
            add_flag(text, " ", "NT", outcome.rflags, 14);
            add_flag(text, " ", "ID", outcome.rflags, 21);
            break;
        case Report::resume_flag:
            add_flag(text, ", ", "RF", outcome.rflags, 16);
            break;
        case Report::stack:
            text.add(outcome.rsp == entry.rsp ? ", RSP kept" : ", RSP lost");
            break;
        case Report::gs_base:
            text.add(outcome.rax == marked_base ? ", base kept" : ", base lost");
            break;
        case Report::fault_address:
            text.add(in_read_only_gdt(outcome.cr2) ? ", CR2 in the GDT" : ", CR2 elsewhere");
            break;
    }
    return text;
}

}  // namespace hwprobe
