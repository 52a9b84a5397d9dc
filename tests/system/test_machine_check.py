# SPDX-License-Identifier: Apache-2.0
"""An uncorrectable machine check ends the machine, with the registers and a back trace of every CPU on the console; in the
middle of a guest as well as in the hypervisor's own idle loop."""

import re

import pytest

from machine import BUILD, Machine

# Bank 1: IA32_MCi_STATUS.VAL, UC, EN, ADDRV, PCC (the context is corrupt) of 0x134 (a cache error); IA32_MCG_STATUS.MCIP, with
# or without RIPV (SDM vol. 3B, 16.3).
CONTEXT_LOST = "mce {cpu} 1 0xb600000000000134 5 0x1234000 0"
NOT_RESTARTABLE = "mce {cpu} 1 0xb400000000000134 4 0x1234000 0"
REPORT = re.compile(r"back trace of cpu (\d+):\n(?P<trace>(?:.*error:   0x[0-9a-f]{16}.*\n)+)")


@pytest.mark.parametrize("in_guest, command", [(True, CONTEXT_LOST), (False, CONTEXT_LOST), (True, NOT_RESTARTABLE)],
                         ids=["in a guest", "in the hypervisor", "not restartable"])
def test_an_uncorrectable_machine_check_is_reported_and_ends_the_machine(tmp_path, in_guest, command):
    guest = BUILD / "guests/spin.elf"  # on one CPU; the other one idles
    with Machine(tmp_path, cpus=2, extra=["-initrd", f"{guest} memory=16M -- forever"]) as machine:
        machine.wait_for("spinning for ever")
        busy = machine.stop_in_guest(cpus=2)
        idle = 1 - busy
        machine.monitor(command.format(cpu=busy if in_guest else idle))
        machine.monitor("cont")
        assert machine.status() == 1, machine.console
    console = machine.console
    assert re.search(r"RINGFOLD PANIC: machine check: the interrupted context is lost$", console.rstrip()), console
    assert console.rstrip().count("RINGFOLD PANIC") == 1
    assert len(re.findall(r"error: rip [0-9a-f]{4}:[0-9a-f]{16} rflags", console)) == 2
    assert console.count("error: cr0 ") == 2
    traces = {int(number): trace for number, trace in REPORT.findall(console)}
    assert set(traces) == {0, 1}, console
    assert "did not answer" not in console
    # What runs in the hypervisor is traced by name, down to where the CPU came up. (The idle CPU may be stopped while it sends what
    # the other one reports: it need not be halted any more.)
    halted = [] if in_guest else ["ringfold::wait_for_interrupt"]
    for name in (*halted, "ringfold::scheduler::choose", "enter_guest"):
        assert f"{name} + 0x" in traces[idle], console
    # In a guest it may log; in the hypervisor proper the log's lock may be held.
    if in_guest:
        assert re.search(r"machine check: bank 1 status 0xb[46]00000000000134 address 0x1234000", console), console
    vectors = re.findall(r"vector (0x[0-9a-f]+) error", console)
    assert sorted(vectors) == ["0x12", "0x2"], "one machine check, and the NMI that stopped the other CPU"
