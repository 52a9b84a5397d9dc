# SPDX-License-Identifier: Apache-2.0
"""The instructions of the gate, from the image itself, and which of them no guest can make the processor execute."""

import re
import subprocess
from dataclasses import dataclass

from machine import IMAGE, ROOT

BASE = 0xFFFF800000000000
VECTORS = (ROOT / "hypervisor/platform/vectors.hpp").read_text(encoding="utf-8")
TIMER = int(re.search(r"vector_timer = (0x[0-9a-f]+);", VECTORS)[1], 16)


@dataclass(frozen=True)
class Instruction:
    offset: int
    label: str  # the last one before it; labels that a macro of nasm makes up do not count
    text: str


# (label, instruction, why it is out of reach); regular expressions for the whole of each.
OUT_OF_REACH = [
    (r"gate_double_fault", ".*", "a double fault in ring 0 is a bug and ends the machine"),
    (r"gate_stub_(5|7|9|10|11|12|15|17|19|2\d|30|31)", ".*",
     "exceptions that ring 1 and 3 cannot raise, or that TCG does not: #BR, #NM, #TS, #NP, #SS, #AC, #XM, reserved ones"),
    (rf"gate_stub_(?!{TIMER}$)(3[2-9]|[4-9]\d|[12]\d\d)", ".*", "devices' interrupts and those between processors: one has none"),
    (r"gate_call", r"(test +%rdi,%rdi|js .*)", "asked only where there are PCIDs, which TCG lacks"),
    (r"undeliverable", ".*", "the domain is ended (guests no_double_fault_entry, emergency_stack)"),
    (r"exception_in_ring_0", r"(cmp +\$0x[0-9a-f]{4},%rax|je .*<bad_return_in_gate>)#resume",
     "a vCPU alone cannot make the hypervisor's own return fault"),
    (r"exception_in_ring_0", ".*#unexpected", "a fault that no fix-up expects is a bug and ends the machine"),
]


def instructions():
    """Every instruction, in order. Those of exception_in_ring_0 behind its last fix-ups are marked in their text."""
    elf = IMAGE.with_suffix(".elf")
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-j", ".gate.text", elf], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    found, label, names_of_fix_up = [], "", 0
    for line in listing.splitlines():
        start = re.match(r"[0-9a-f]{16} <(.*)>:$", line)
        if start and not start[1].startswith("..@"):
            label = start[1]
        row = re.match(r" *([0-9a-f]{16}):\t(\S.*?)(?: +#.*)?$", line)
        if not row or row[2].startswith(("nop", "xchg   %ax,%ax", "data16", "cs nopw")):
            continue
        found.append(Instruction(int(row[1], 16) - BASE, label, row[2].strip()))
    return mark_last_resort(found)


def mark_last_resort(found):
    """exception_in_ring_0 ends in: CMP, JE for the slow return's IRETQ; CMP, JE for gate_resume's; the report of a bug."""
    last = [index for index, each in enumerate(found) if each.label == "exception_in_ring_0"]
    bug = next(index for index in last if found[index].text == "mov    %rsp,%rcx")
    assert found[bug - 1].text.startswith("je ") and found[bug - 3].text.startswith("je ")
    for index in (bug - 2, bug - 1):
        found[index] = Instruction(found[index].offset, found[index].label, found[index].text + "#resume")
    for index in range(bug, last[-1] + 1):
        found[index] = Instruction(found[index].offset, found[index].label, found[index].text + "#unexpected")
    return found


def is_out_of_reach(instruction):
    return any(re.fullmatch(label, instruction.label) and re.fullmatch(text, instruction.text)
               for label, text, _ in OUT_OF_REACH)
