# SPDX-License-Identifier: Apache-2.0
"""What is typed at the serial port arrives where the focus is; the escape moves the focus on; debug keys answer; a flood of
input costs nothing but what it drops, and what it drops is counted. Output that the serial line is too slow for waits, and is not lost."""

import re
import time

import pytest

from machine import BUILD, PATIENCE, Machine

ECHO = BUILD / "guests/console_echo.elf"
SPIN = BUILD / "guests/spin.elf"
ESCAPE = b"\x01\x01\x01"
ON_HYPERVISOR = "console: debug keys, h for help"


def echo(name):
    return f"{ECHO} name={name} memory=16M rights=0x80 -- wait"


def bytes_read(console, domain):
    return [int(number) for number in re.findall(rf"^\(d{domain}\) byte (\d+)$", console, re.MULTILINE)]


def test_input_goes_to_the_focus(tmp_path):
    with Machine(tmp_path, cpus=2, typed=True, extra=["-initrd", f"{echo('one')},{echo('two')}"]) as machine:
        machine.wait_for("(d1) ready")
        machine.wait_for("(d2) ready")
        machine.type(b"ab\r\x1b")
        machine.wait_for("(d1) byte 27")
        machine.type(b"\x01\x01z")  # no escape: both come through
        machine.wait_for("(d1) byte 122")
        machine.type(ESCAPE)
        machine.wait_for(ON_HYPERVISOR)
        machine.type(ESCAPE)
        machine.wait_for("console: input goes to d2 two")
        machine.type(b"\x00\xffq")
        machine.wait_for("d2 two: ended with power off, code 0")
        machine.type(ESCAPE)
        machine.wait_for("console: input goes to d1 one")
        machine.type(b"q")
        assert machine.status() == 0, machine.console
    console = machine.console
    assert bytes_read(console, 1) == [*b"ab\r\x1b\x01\x01zq"], console
    assert bytes_read(console, 2) == [*b"\x00\xffq"], console
    assert not re.search("warning:|error:|panic", console, re.IGNORECASE), console


def test_the_focus_may_have_a_terminal(tmp_path):
    """console=raw: what the domain with the focus writes is shown as it is; all others' as ever, on lines of their own."""
    with Machine(tmp_path, "exit_port=0x501 console=raw", cpus=2, typed=True, extra=["-initrd", f"{echo('one')},{echo('two')}"]) as machine:
        machine.wait_for("(d2) ready")
        machine.type(b"a")
        machine.wait_for("byte 97")
        machine.type(ESCAPE)
        machine.wait_for(ON_HYPERVISOR)
        machine.type(ESCAPE)
        machine.wait_for("console: input goes to d2 two")
        machine.type(b"bq")
        machine.wait_for("d2 two: ended with power off, code 0")
        machine.type(ESCAPE)
        machine.wait_for("console: input goes to d1 one")
        machine.type(b"cq")
        assert machine.status() == 0, machine.console
    lines = machine.console.splitlines()
    for line in ("ready", "byte 97", "byte 98", "byte 99", "(d2) ready"):
        assert lines.count(line) == 1, machine.console
    assert not re.search(r"^\(d1\)|\(d\d\) byte", machine.console, re.MULTILINE), machine.console


def test_input_for_a_domain_that_is_gone_is_dropped(tmp_path):
    modules = f"{echo('one')},{SPIN} name=busy memory=16M cpu=1 -- forever"
    with Machine(tmp_path, cpus=2, typed=True, extra=["-initrd", modules]) as machine:
        machine.wait_for("(d1) ready")
        machine.wait_for("spinning for ever")
        machine.type(b"q")
        machine.wait_for("d1 one: ended with power off, code 0")
        machine.type(b"R" * 100 + ESCAPE)  # had it gone to the hypervisor, the machine would restart
        machine.wait_for(ON_HYPERVISOR)
        machine.type(b"R")
        machine.wait_for("restart: asked for by a debug key")
        machine.process.wait(60)  # -no-reboot


@pytest.mark.parametrize("cpus", [1, 2])
def test_debug_keys(tmp_path, cpus):
    modules = f"{SPIN} name=busy memory=16M -- forever"
    with Machine(tmp_path, cpus=cpus, typed=True, extra=["-initrd", modules]) as machine:
        machine.wait_for("spinning for ever")
        machine.type(ESCAPE)
        machine.wait_for(ON_HYPERVISOR)
        machine.type(b"h")
        machine.wait_for("R  restart the machine")
        machine.type(b"\r\n?m")
        machine.wait_for("  d1 busy: 4096 frames of at most 4096")
        machine.type(b"q")
        machine.wait_for("  v0: running on cpu ")
        machine.type(b"r")
        machine.wait_for("runs d1 v0, 0 wait")
        machine.type(b"t")
        machine.wait_for(" ns since boot, TSC at ")
        machine.type(b"c")
        machine.wait_for("  hypercall console_write: ")
        machine.type(b"a")
        machine.wait_for("audit: 0 frames with wrong counts")
        machine.type(b"d")
        machine.wait_for(": d1 v0, in ring 1")  # whichever CPU reports last
        machine.wait_for("ringfold::press_debug_key")
        if cpus > 1:
            machine.wait_for(": no vCPU")
    console = machine.console
    assert re.search(r"cpu \d: d1 v0, in ring 1", console), console
    assert cpus == 1 or re.search(r"cpu \d: no vCPU", console), console
    assert "does not answer" not in console
    assert not re.search("warning:|error:|panic", console, re.IGNORECASE), console


def move_until(machine, text):
    """Moves the focus on, one by one, until the console says that it is there."""
    end = time.monotonic() + PATIENCE
    while text not in machine.console:
        said = machine.console.count("moves on")
        machine.type(ESCAPE)
        while machine.console.count("moves on") == said:
            assert time.monotonic() < end, machine.console
            time.sleep(0.05)


def test_a_flood_of_input(tmp_path):
    flood = 100_000
    modules = f"{ECHO} name=one memory=16M rights=0x80 -- slow,{BUILD / 'guests/pulse.elf'} name=pulse memory=16M"
    with Machine(tmp_path, typed=True, extra=["-initrd", modules]) as machine:
        machine.wait_for("(d1) ready")
        machine.type(b"x" * flood + ESCAPE)  # the escape works behind a flood
        machine.wait_for(ON_HYPERVISOR)
        machine.wait_for("(d2) VERDICT: SUCCESS")  # the other domain, on the same CPU, is not kept from its end
        move_until(machine, "console: input goes to d1 one")  # past the other one, if it is not gone yet
        time.sleep(1)  # it empties its buffer
        machine.type(b"q")
        assert machine.status() == 0, machine.console
    total, lost = map(int, re.search(r"\(d1\) total (\d+) lost (\d+)", machine.console).groups())
    assert total + lost == flood + 1 and lost > 0


def test_a_slow_line_loses_nothing(tmp_path):
    flood = BUILD / "guests/output_flood.elf"
    modules = f"{flood} name=one memory=16M -- numbered,{flood} name=two memory=16M -- numbered"
    with Machine(tmp_path, cpus=2, slow=True, extra=["-initrd", modules]) as machine:
        assert machine.status() == 0, machine.console
        assert machine.log_is_complete.wait(PATIENCE)
    console = machine.console
    for domain in (1, 2):
        numbers = [int(number) for number in re.findall(rf"^\(d{domain}\) line (\d+) of what", console, re.MULTILINE)]
        assert numbers == list(range(1500)), console
        assert f"(d{domain}) VERDICT: SUCCESS" in console
    assert "output lost" not in console
    assert not re.search("warning:|error:|panic", console, re.IGNORECASE), console
