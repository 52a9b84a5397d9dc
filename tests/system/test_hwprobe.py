# SPDX-License-Identifier: Apache-2.0
"""hwprobe boots, gives every probe a verdict, and differs from the manuals on each emulator just where that one is known to.

A probe that starts or stops differing is news either way: about the emulator, or about hwprobe.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from machine import NIGHTLY

REPOSITORY = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^(?P<name>[^|]+) \| .+ \| (?P<verdict>ok|DIFFERS|skipped)$")
SUMMARY = re.compile(r"^summary \| (\d+) ok, (\d+) differ, (\d+) skipped$")

# What QEMU's TCG (an AMD model) does unlike processors; see RF, ICEBP and non-canonical addresses in its source.
TCG_DIFFERS = {
    "RF in a fault's frame",
    "WRGSBASE, non-canonical",
    "IRETQ 0->1, non-canonical RIP",
    "MOV SS with a breakpoint, NOP",
    "MOV SS with a breakpoint, SYSCALL",
    "MOV SS with a breakpoint, INT3",
    "MOV SS with a breakpoint, INT n",
    "MOV SS with a breakpoint, ICEBP",
    "ICEBP",
    "INT n through a gate of DPL 0",
}
TCG_SKIPPED = {"INVPCID"}
# Bochs drops the breakpoint that MOV SS held back when a software interrupt follows.
BOCHS_DIFFERS = {"MOV SS with a breakpoint, INT3", "MOV SS with a breakpoint, INT n"}


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    directory = tmp_path_factory.mktemp("hwprobe")
    subprocess.run(
        [REPOSITORY / "tests/hwprobe/build.sh", directory],
        check=True,
        env={**os.environ, "HWPROBE_WORDS": "nowait exit"},
    )
    return directory


def count_probes():
    """The rows that the sources ask for, whatever the program prints."""
    count = 0
    for source in (REPOSITORY / "tests/hwprobe").glob("*_probes.asm"):
        for line in source.read_text().splitlines():
            if re.match(r'^(probe "|instruction ")', line):
                count += 1
            elif re.match(r'^umip "', line):
                count += 2
    return count


def verdicts(output):
    lines = [line.strip() for line in output.splitlines()]
    assert lines[0].startswith("Ringfold hwprobe"), output
    found = {}
    for line in lines:
        row = ROW.match(line)
        if row:
            assert row["name"] not in found, f"two probes are called {row['name']}"
            found[row["name"]] = row["verdict"]
    totals = [SUMMARY.match(line) for line in lines if SUMMARY.match(line)]
    assert len(totals) == 1, "no summary: the probe did not get to its end\n" + output
    by_verdict = {kind: {n for n, v in found.items() if v == kind} for kind in ("ok", "DIFFERS", "skipped")}
    assert [int(n) for n in totals[0].groups()] == [len(by_verdict[kind]) for kind in ("ok", "DIFFERS", "skipped")]
    assert len(found) == count_probes()
    return by_verdict


def run_qemu(*arguments):
    result = subprocess.run(
        ["qemu-system-x86_64", "-cpu", "max", "-m", "64", "-display", "none", "-serial", "stdio", "-no-reboot"]
        + ["-device", "isa-debug-exit,iobase=0x501,iosize=4", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 1, result.stdout + result.stderr  # the debug-exit device: (0 << 1) | 1
    return result.stdout


def iso_output(text):
    """What follows GRUB's own words."""
    return text[text.index("Ringfold hwprobe") :]


def test_qemu_kernel(image):
    result = verdicts(run_qemu("-kernel", image / "hwprobe", "-append", "nowait exit"))
    assert result["DIFFERS"] == TCG_DIFFERS
    assert result["skipped"] == TCG_SKIPPED


def test_qemu_iso(image):
    result = verdicts(iso_output(run_qemu("-cdrom", image / "hwprobe.iso")))
    assert result["DIFFERS"] == TCG_DIFFERS
    assert result["skipped"] == TCG_SKIPPED


@pytest.mark.skipif(not NIGHTLY, reason="slow: make nightly runs it")
def test_bochs_iso(image):
    serial = image / "serial"
    configuration = image / "bochsrc"
    configuration.write_text(
        f"""\
display_library: term
cpu: model=corei7_icelake_u, count=1, ips=50000000, reset_on_triple_fault=0
megs: 64
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path={image}/hwprobe.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={serial}
log: {image}/log
panic: action=fatal
"""
    )
    commands = image / "commands"
    commands.write_text("c\n")  # Debian's Bochs is the debugger build: continue
    bochs = pexpect.spawn(
        "bochs",
        ["-q", "-f", str(configuration), "-rc", str(commands)],
        env={**os.environ, "TERM": "xterm"},
        timeout=300,
    )
    bochs.expect(pexpect.EOF)
    result = verdicts(serial.read_text())
    assert result["DIFFERS"] == BOCHS_DIFFERS
    assert result["skipped"] == set()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
