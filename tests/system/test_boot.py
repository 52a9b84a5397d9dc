# SPDX-License-Identifier: Apache-2.0
"""Ringfold boots by either multiboot protocol, on machines of several sizes; says what it cannot run on; its live page
tables keep W^X; and a panic shows every CPU."""

import re
import subprocess

import pytest

from machine import IMAGE, ROOT, Machine

NO_GUEST = "no guest: give one as a boot module"


@pytest.mark.parametrize("cpus", [1, 2, 4])
@pytest.mark.parametrize("memory", [64, 1024, 6144])
def test_multiboot1(tmp_path, cpus, memory):
    with Machine(tmp_path, cpus=cpus, memory=memory) as machine:
        assert machine.status() == 0
    console = machine.console
    assert "loaded by qemu" in console
    assert f"{cpus} of {cpus} CPUs are up" in console
    assert NO_GUEST in console
    assert not re.search("warning|error|panic", console, re.IGNORECASE), console
    available = int(re.search(r"memory: (\d+) MiB available", console)[1])
    assert memory - 2 <= available <= memory
    free = int(re.search(r"memory: (\d+) MiB free", console)[1])
    assert 0.9 * memory - 12 < free < memory


@pytest.fixture(scope="module", name="iso")
def make_iso(tmp_path_factory):
    path = tmp_path_factory.mktemp("iso") / "ringfold.iso"
    words = 'exit_port=0x501 title="two words" loglevel=debug'
    module = ROOT / "LICENSE"
    subprocess.run([ROOT / "scripts/make-iso", path, IMAGE, words.replace('"', r"\""), module, "memory=3M"], check=True)
    return path


def test_multiboot2(tmp_path, iso):
    with Machine(tmp_path, boot=iso, cpus=2) as machine:
        assert machine.status() == 1  # a licence is no guest
    console = machine.console
    assert re.search(r"loaded by GRUB 2\.\S+, command line: .*exit_port=0x501", console), console
    assert '"memory=3M"' in console
    assert "2 of 2 CPUs are up" in console
    assert "debug: " in console


@pytest.mark.parametrize(
    "processor, missing",
    [
        ("qemu32", "long mode, NX (no-execute pages), FSGSBASE"),
        ("qemu64", "FSGSBASE"),
        ("max,-nx", "NX (no-execute pages)"),
        ("max,-nx,-fsgsbase", "NX (no-execute pages), FSGSBASE"),
    ],
)
def test_missing_features_are_named_in_one_line(tmp_path, processor, missing):
    with Machine(tmp_path, processor=processor) as machine:
        machine.wait_for("Halted.")
        assert machine.console == f"Ringfold cannot run on this processor. Missing: {missing}. Halted.\n"
        registers = machine.monitor("info registers")
        assert "HLT=1" in registers
        screen = machine.monitor("xp /24xh 0xb8000")
    letters = [chr(int(word, 16) & 0xFF) for word in re.findall(r"0x([0-9a-f]{4})\b", screen)]
    assert "".join(letters).startswith("Ringfold cannot run")


def test_options_that_make_no_sense_are_named(tmp_path):
    with Machine(tmp_path, options="loglevel=loud exit_port=0x501") as machine:
        assert machine.status() == 0
    assert "loglevel= is one of error, warning, info, debug" in machine.console


def test_log_level_error_is_silent(tmp_path):
    with Machine(tmp_path, options="loglevel=error exit_port=0x501") as machine:
        assert machine.status() == 0
    assert machine.console == ""


# --- page tables, as QEMU sees them -----------------------------------------------------------------------------------

GIBIBYTE, EXTENT, PAGE = 1 << 30, 1 << 21, 1 << 12


def read_mappings(machine, cpu):
    """(linear, machine address, size, writable, executable, user) of each leaf, from the monitor's `info tlb`, which
    walks the page tables (flags XGPDACTUW of the leaf entry; X: no-execute, P: big page)."""
    mappings = []
    for line in machine.monitor("info tlb", cpu).splitlines():
        linear, target, flags = re.fullmatch(r"([0-9a-f]{16}): ([0-9a-f]{16}) ([XGPDACTUW-]{9})", line.strip()).groups()
        linear, target = int(linear, 16), int(target, 16)
        size = PAGE
        if flags[2] == "P":
            size = EXTENT if linear % GIBIBYTE or target % GIBIBYTE else None  # decided below by the next line
        mappings.append([linear, target, size, flags[8] == "W", flags[0] != "X", flags[7] == "U", flags[1] == "G"])
    for index, mapping in enumerate(mappings):
        if mapping[2] is None:
            following = mappings[index + 1][0] if index + 1 < len(mappings) else 1 << 64
            mapping[2] = GIBIBYTE if following - mapping[0] >= GIBIBYTE else EXTENT
    return mappings


@pytest.mark.parametrize("processor", ["max", "max,-pdpe1gb"])
def test_live_page_tables_keep_write_xor_execute(tmp_path, processor):
    # Without an exit port the machine turns itself off, and stays to be looked at.
    with Machine(tmp_path, options="", cpus=2, memory=2048, processor=processor, extra=["-no-shutdown"]) as machine:
        machine.wait_for(NO_GUEST)
        while "paused" not in machine.monitor("info status"):
            pass
        for cpu in range(2):
            mappings = read_mappings(machine, cpu)
            assert len(mappings) > 100
            assert not [m for m in mappings if m[5] or m[6]], "a page for ring 3, or a global one"
            assert not [m for m in mappings if m[0] >> 39 != 0xFFFF800000000000 >> 39], "something outside slot 256"
            code = [m for m in mappings if m[4]]
            assert code and not [m for m in code if m[3]], "a page is writable and executable"
            assert all(m[2] == PAGE for m in code)
            frames = {m[1] for m in code}
            aliases = [m for m in mappings if m[3] and any(m[1] <= frame < m[1] + m[2] for frame in frames)]
            assert not aliases, f"code is writable at {aliases[0][0]:#x}"
            # The direct map shows the code as well, but read-only and no-execute.
            assert any(m[1] in frames and not m[3] and not m[4] for m in mappings)
            # virtual_map.hpp: a hole below and above every stack of this_cpu.
            linear = {m[0] for m in mappings}
            base = 0xFFFF800060000000
            for first, pages in ((0x10, 4), (0x18, 2), (0x1C, 2), (0x20, 2), (0x24, 2)):
                assert all(base + page * PAGE in linear for page in range(first, first + pages))
                assert base + (first - 1) * PAGE not in linear and base + (first + pages) * PAGE not in linear


# --- breakages --------------------------------------------------------------------------------------------------------

def crash(tmp_path, how, cpus=1):
    with Machine(tmp_path, options=f"exit_port=0x501 crash={how}", cpus=cpus) as machine:
        assert machine.status() == 1, machine.console
    lines = machine.console.splitlines()
    assert "RINGFOLD PANIC: " in lines[-1]
    return machine.console


def test_a_panic_shows_every_cpu(tmp_path):
    console = crash(tmp_path, "panic", cpus=4)
    for cpu in range(4):
        assert f"back trace of cpu {cpu}:" in console
    assert "did not answer" not in console
    assert console.count("cr3 ") == 4
    own = console.split("back trace of cpu 0:")[1].split("back trace of cpu")[0]
    assert re.search(r"0x[0-9a-f]{16} ringfold::.*crash.* \+ 0x", own), own
    assert "ringfold::start_ringfold + 0x" in own
    assert "boot_main + 0x" in own


@pytest.mark.parametrize("how, vector, error", [("page_fault", 14, "0x0"), ("write_text", 14, "0x3"), ("run_data", 14, "0x11"),
                                                ("stack", 8, "0x0")])
def test_a_fault_in_the_hypervisor_shows_its_registers(tmp_path, how, vector, error):
    console = crash(tmp_path, how, cpus=2)
    assert f"vector {vector:#x} error {error}" in console
    assert "back trace of cpu 1:" in console
    if how != "run_data":
        assert re.search(r"ringfold::.*(crash|recurse)", console)
