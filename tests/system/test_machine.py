# SPDX-License-Identifier: Apache-2.0
"""The hypervisor comes up on machines of different shapes: number of CPUs, chipset, clocks to measure time against; and
the timer frequency that it finds is the one that the emulator promises."""

import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = Path(os.environ.get("RINGFOLD_IMAGE", REPOSITORY / "build/gcc-debug/ringfold"))


def boot(*arguments):
    """The boot log of the bare hypervisor, which powers off because it was given no guest."""
    assert IMAGE.exists(), f"{IMAGE} is not built: make image, or set RINGFOLD_IMAGE"
    result = subprocess.run(
        ["qemu-system-x86_64", "-cpu", "max", "-m", "256", "-display", "none", "-serial", "stdio", "-no-reboot"]
        + ["-device", "isa-debug-exit,iobase=0x501,iosize=4", "-kernel", IMAGE]
        + ["-append", "exit_port=0x501 loglevel=debug", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert result.returncode == 1, result.stdout + result.stderr  # code 0 through the debug-exit device
    assert "RINGFOLD PANIC" not in result.stdout
    return result.stdout


@pytest.mark.parametrize("cpus", [1, 2, 4])
@pytest.mark.parametrize("chipset", ["pc", "q35"])
def test_every_cpu_comes_up(chipset, cpus):
    log = boot("-machine", chipset, "-smp", str(cpus))
    assert f"machine: {cpus} processors" in log
    assert f"{cpus} of {cpus} CPUs are up" in log
    assert "left out" not in log


@pytest.mark.parametrize(
    "arguments, reference",
    [
        (["-machine", "pc,hpet=on"], "HPET"),
        (["-machine", "pc,hpet=off"], "ACPI PM timer"),
    ],
)
def test_time_is_measured_against_the_best_clock(arguments, reference):
    log = boot(*arguments)
    assert f"measured against the {reference}" in log


def test_frequencies_are_right():
    """With -icount shift=0 an instruction takes 1 ns: the time-stamp counter and the APIC's timer both run at 1 GHz."""
    log = boot("-icount", "shift=0,sleep=off")
    tsc = int(re.search(r"time: TSC at (\d+) kHz", log)[1])
    timer = int(re.search(r"local APIC at (\d+) kHz", log)[1])
    assert abs(tsc - 1_000_000) < 100
    assert abs(timer - 1_000_000) < 100


def test_processor_without_apic_tables_is_refused():
    """Without a MADT there is no telling processors and interrupt controllers: a clear end, no hang."""
    result = subprocess.run(
        ["qemu-system-x86_64", "-cpu", "max", "-m", "256", "-display", "none", "-serial", "stdio", "-no-reboot"]
        + ["-machine", "pc,acpi=off", "-device", "isa-debug-exit,iobase=0x501,iosize=4", "-kernel", IMAGE]
        + ["-append", "exit_port=0x501"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert result.returncode not in (0, 1), result.stdout
    assert "ACPI: RSDP: not found" in result.stdout
    assert "this machine cannot be run" in result.stdout
