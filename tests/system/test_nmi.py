# SPDX-License-Identifier: Apache-2.0
"""NMIs and machine checks at every instruction of the gate cost a guest nothing.

Two guests with marked registers (tests/guests/gate/nmi_loop.cpp, nmi_faults.cpp) go through the gate by all their routes.
QEMU's gdb stub stops the machine at each instruction that they come to, and the monitor sends an NMI or a machine check
right there. The hypervisor's own histogram must show exactly one hit for each NMI, at each instruction; its counters must
show every event; and the guests must find every register, flag and entry in place. A second test sends NMIs at random.
"""

import re
import socket
import time
from collections import Counter

import pytest

from gate_text import BASE, instructions, is_out_of_reach
from gdb_stub import GdbStub
from machine import BUILD, NIGHTLY, PATIENCE, Machine

ROUNDS = 10 if NIGHTLY else 1
STORM_SECONDS = 300 if NIGHTLY else 10
GUESTS = ["nmi_loop", "nmi_faults"]

# Uncorrected, in bank 1, and restartable: IA32_MCi_STATUS.VAL, UC, EN; IA32_MCG_STATUS.RIPV, MCIP (SDM vol. 3B, 16.3).
MACHINE_CHECK = "mce 0 1 0xb000000000000000 5 0 0"
MACHINE_CHECK_WAY = ("gate_machine_check", "gate_machine_check_iretq", "gate_return_without_iretq")

# What may be sent at an instruction, in this order. While NMIs are blocked an NMI is late, and while a machine check is in
# progress another one resets the machine; one right behind another would find its stack in use, as on any processor.
EVENTS_AT = [
    (r"gate_nmi|gate_nmi_iretq", ["mce"]),
    (r"gate_machine_check|gate_machine_check_iretq", ["nmi"]),
    (r".*", ["mce", "nmi"]),
]


def events_at(instruction):
    return next(list(events) for label, events in EVENTS_AT if re.fullmatch(label, instruction.label))


def guest_machine(directory, guest, *extra):
    directory.mkdir(parents=True, exist_ok=True)
    text = f"{BUILD / 'guests' / guest}.elf name={guest} memory=16M rights=0x82"
    return Machine(directory, extra=["-initrd", text, *extra])


def read_histogram(console):
    return {int(offset, 16): int(count) for line in re.findall(r"^\(d1\) histogram: (.*)$", console, re.MULTILINE)
            for offset, count in re.findall(r"([0-9a-f]+)\*(\d+)", line)}


def read_counts(console):
    """(NMIs, machine checks) as the guest read the counters at the end."""
    nmis, checks = re.search(r"^\(d1\) rounds: \d+, NMIs: (\d+), machine checks: (\d+)$", console, re.MULTILINE).groups()
    return int(nmis), int(checks)


def assert_unharmed(machine):
    status = machine.status()
    assert "(d1) VERDICT: SUCCESS" in machine.console and status == 0, machine.console[-4000:]


class Injector:
    """Sends the events of `plan` (instruction offset -> events), each at its instruction, until the guest has ended."""

    def __init__(self, machine, stub, plan, late):
        self.machine, self.stub = machine, stub
        self.plan, self.late = {}, late
        self.sent = {"nmi": [], "mce": []}
        self.add(plan)

    def add(self, plan):
        for offset, events in plan.items():
            self.plan[offset] = list(events)
            self.stub.set_breakpoint(BASE + offset)

    def run(self, is_machine_check):
        while (address := self.stub.resume()) is not None:
            # Machine checks inside NMIs only once the way of a machine check has been seen outside: in there NMIs are late.
            if self.late and not any(map(is_machine_check, self.plan)):
                self.add(self.late)
                self.late = {}
            offset = address - BASE
            event = self.plan[offset].pop(0)
            self.machine.monitor(MACHINE_CHECK if event == "mce" else "nmi")
            self.sent[event].append(offset)
            if not self.plan[offset]:
                self.stub.clear_breakpoint(address)
                del self.plan[offset]


def inject_everywhere(directory, guest, reachable):
    """Returns what was sent where, after comparing it with what the hypervisor saw."""
    path = directory / "gdb"
    labels = {each.offset: each.label for each in reachable}
    plan = {each.offset: events_at(each) for each in reachable}
    late = {offset: plan.pop(offset) for offset in list(plan) if labels[offset].startswith("gate_nmi")}
    with guest_machine(directory, guest, "-chardev", f"socket,id=gdb,path={path},server=on,wait=off",
                       "-gdb", "chardev:gdb") as machine:
        machine.wait_for(f"d1 {guest}: ")
        injector = Injector(machine, GdbStub(path, PATIENCE), plan, late)
        injector.run(lambda offset: labels[offset] in MACHINE_CHECK_WAY)
        assert_unharmed(machine)
        console = machine.console
    nmis, checks = Counter(injector.sent["nmi"]), Counter(injector.sent["mce"])
    assert read_counts(console) == (nmis.total(), checks.total())
    assert read_histogram(console) == nmis, "an NMI was not taken where it was sent"
    assert console.count("machine check: bank 1 status 0xb000000000000000") == checks.total()
    return {"nmi": set(nmis), "mce": set(checks)}


def test_events_at_every_instruction_of_the_gate(tmp_path):
    gate = instructions()
    reachable = [each for each in gate if not is_out_of_reach(each)]
    assert 350 < len(reachable) < len(gate)
    for number in range(ROUNDS):
        sent = {"nmi": set(), "mce": set()}
        for guest in GUESTS:
            for event, offsets in inject_everywhere(tmp_path / f"{number}-{guest}", guest, reachable).items():
                sent[event] |= offsets
        for event, offsets in sent.items():
            missing = [each for each in reachable if event in events_at(each) and each.offset not in offsets]
            assert not missing, f"no {event} at {missing}"
        print(f"{len(sent['nmi'])} instructions of the gate took an NMI, {len(sent['mce'])} a machine check, of {len(gate)}")


class Storm:
    """NMIs by the human monitor's own socket, one at a time: several in a row would melt into one."""

    PROMPT = b"(qemu) "

    def __init__(self, path):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(PATIENCE)
        self.connection.connect(str(path))
        self._await_prompt()

    def _await_prompt(self):
        text = b""
        while not text.endswith(self.PROMPT):
            more = self.connection.recv(65536)
            assert more, "the machine has ended"
            text += more

    def nmi(self):
        self.connection.sendall(b"nmi\n")
        self._await_prompt()


@pytest.mark.parametrize("guest", GUESTS)
def test_nmis_at_random(tmp_path, guest):
    """Single instructions as translation blocks, so that an NMI can come between any two, in rings 1 and 3 as well."""
    path = tmp_path / "human"
    with guest_machine(tmp_path, guest, "-singlestep", "-chardev", f"socket,id=human,path={path},server=on,wait=off",
                       "-mon", "chardev=human,mode=readline") as machine:
        machine.wait_for(f"d1 {guest}: ")
        storm = Storm(path)
        end = time.monotonic() + STORM_SECONDS
        sent = 0
        while time.monotonic() < end:
            storm.nmi()
            sent += 1
        assert_unharmed(machine)
        console = machine.console
    nmis, _ = read_counts(console)
    histogram = read_histogram(console)
    assert set(histogram) <= {each.offset for each in instructions()}, "an NMI between instructions"
    assert 100 < nmis <= sent
    assert 0 < sum(histogram.values()) < nmis
    print(f"{sent} NMIs sent, {nmis} taken, {sum(histogram.values())} of them at {len(histogram)} instructions of the gate")
