# SPDX-License-Identifier: Apache-2.0
"""Cores of a guest in crash: of one that runs, of one that is paused, and of one that has crashed.

`make linux-debug-info` builds the kernel that this boots, and that crash reads; without it these tests are skipped.
"""

import re
import shutil
import subprocess

import pytest

from linux_host import DOM0, ROOT_FILES, TYPED_GUEST, assert_properties, empty_disk, program, run, script
from machine import BUILD, NIGHTLY, ROOT
from ramdisk import add_tools, with_command

KERNELS = ROOT / "build/linux-debug-info"
SMALL_TEXT, BIG_TEXT, UNTOUCHED = "700000000100", "710000123000", "720000000000"  # addresses of dom0/sleeper.c
DISKS = {"running": "vda", "paused": "vdb", "crashed": "vdc"}
MEBIBYTES = 128  # that a core may have

pytestmark = [pytest.mark.skipif(not NIGHTLY, reason="takes minutes and another kernel: make nightly runs it"),
              pytest.mark.skipif(not (KERNELS / "vmlinux.debug").exists(), reason="make linux-debug-info has not built the kernel"),
              pytest.mark.skipif(shutil.which("crash") is None, reason="no crash: scripts/install-dependencies debug-info installs it")]


def guest_files(tmp_path):
    """A guest's RAM disk with the program and the module that are looked for."""
    overlay = program(tmp_path / "guest", "sleeper")
    (overlay / "boot").mkdir()
    shutil.copy(KERNELS / "modules/test_module.ko", overlay / "boot")
    (tmp_path / "guest/scratch").mkdir()
    return with_command(ROOT_FILES, TYPED_GUEST, tmp_path / "guest/scratch", overlay)


@pytest.fixture(scope="module", name="cores")
def make_cores(tmp_path_factory):
    """The files, by the state of the guest, and what the machine said."""
    folder = tmp_path_factory.mktemp("cores")
    overlay = folder / "overlay"
    add_tools(overlay, BUILD, KERNELS / "vmlinux")
    shutil.copy(guest_files(folder), overlay / "boot/guest.cpio")
    disks = {state: empty_disk(folder / state, MEBIBYTES) for state in DISKS}
    said = run(folder, script("core"), "--kernel", KERNELS / "vmlinux", "--overlay", overlay, "--smp", 2, "--mem", 1024, "--dom0-mem", 640,
               *(option for disk in disks.values() for option in ("--disk", f"virtio:{disk}")))
    assert_properties(said,
                      "a guest has a module, one program that sleeps and one that does not",
                      "it was dumped while it ran, and paused, and goes on",
                      "it crashed and left a core")
    for state, name in DISKS.items():  # a disk ends where the core does
        size = next(int(line.split()[-1]) for line in said if line.startswith(f"size of {name}: "))
        with disks[state].open("r+b") as file:
            file.truncate(size)
    pid = next(int(line.split()[1]) for line in said if re.fullmatch(r"sleeper: \d+ huge", line))
    return disks, pid


def crash(core, *commands):
    """What crash says to each command."""
    folder = core.parent / f"{core.name}-said"
    folder.mkdir(exist_ok=True)
    files = [folder / str(number) for number in range(len(commands))]
    lines = [f"{command} > {file}" for command, file in zip(commands, files)]
    done = subprocess.run(["crash", "-s", KERNELS / "vmlinux.debug", core], input="\n".join([*lines, "quit", ""]), check=False,
                          capture_output=True, text=True, timeout=300)
    said = {command: file.read_text(encoding="utf-8", errors="replace") for command, file in zip(commands, files) if file.exists()}
    print(done.stdout, done.stderr, *(f"crash> {command}\n{text}" for command, text in said.items()), sep="\n")  # shown if it fails
    assert done.returncode == 0 and len(said) == len(commands)
    assert "WARNING" not in done.stdout + done.stderr  # as it does of a core of another kernel
    return said


@pytest.mark.parametrize("state", DISKS)
def test_crash_finds_its_way_in_a_core(cores, state):
    disks, pid = cores
    said = crash(disks[state], "sys", "ps", "log", "mod", f"bt {pid}", "kmem -i", f"files {pid}", "list -H modules module.list -s module.name")
    assert re.search(r"CPUS: 2\b", said["sys"])
    assert re.search(rf"^ +{pid} +1 .* sleeper$", said["ps"], re.MULTILINE)
    assert "test_module: Hello, world" in said["log"] and "ringfold-was-here" in said["log"]
    frames = said[f"bt {pid}"]
    assert re.search(r"schedule at .*__x64_sys_pause at .*RIP: 0000000000\w+  RSP: 00007.*CS: 0033  SS: 002b", frames, re.DOTALL)
    total, free = (float(re.search(rf"{name} +\d+ +([\d.]+) MB", said["kmem -i"]).group(1)) for name in ("TOTAL MEM", "FREE"))
    assert 40 < total < 80 and 1 < free < total
    assert "/proc/version" in said[f"files {pid}"]
    # What it lists is in vmalloc's part of the address space, behind page tables.
    assert "test_module" in said["mod"] and 'name = "test_module' in said["list -H modules module.list -s module.name"]


@pytest.mark.parametrize("state", DISKS)
def test_crash_reads_through_page_tables(cores, state):
    disks, pid = cores
    base = re.search(r"test_module +(ffffffff\w+)", crash(disks[state], "mod")["mod"]).group(1)
    small, big, untouched = (f"rd -a {address}" for address in (SMALL_TEXT, BIG_TEXT, UNTOUCHED))
    said = crash(disks[state], f"vtop {base}", f"set {pid}", small, big, untouched, f"rd {base} 8")
    assert "ringfold-small-page" in said[small] and "ringfold-big-page" in said[big]
    assert re.search(rf"invalid user virtual address: {UNTOUCHED}", said[untouched])
    leads_to = re.search(rf"^{base} +(\w+) *$", said[f"vtop {base}"], re.MULTILINE).group(1)
    assert re.search(r"\(PRESENT\|", said[f"vtop {base}"]) and int(leads_to, 16) < MEBIBYTES << 20
    there = crash(disks[state], f"rd -p {leads_to} 8")[f"rd -p {leads_to} 8"]
    assert [line.split()[1:] for line in there.splitlines()] == [line.split()[1:] for line in said[f"rd {base} 8"].splitlines()]


@pytest.mark.parametrize("state", ["running", "paused"])
def test_crash_shows_what_the_cpus_do(cores, state):
    said = crash(cores[0][state], "bt -a", "bt -c 0", "bt -c 1")
    assert len(re.findall("^PID: ", said["bt -a"], re.MULTILINE)) == 2
    assert 'COMMAND: "sleeper"' in said["bt -a"] and "CS: 0033" in said["bt -a"]  # the one that never sleeps
    for cpu in (0, 1):
        assert re.search(rf"CPU: {cpu} .*\n #0 ", said[f"bt -c {cpu}"], re.DOTALL)


def test_crash_shows_the_panic(cores):
    said = crash(cores[0]["crashed"], "sys", "bt")
    assert 'PANIC: "Kernel panic - not syncing: sysrq triggered crash"' in said["sys"]
    assert re.search(r"#0 \[\w+\] panic at .*sysrq_handle_crash.*write_sysrq_trigger.*CS: 0033", said["bt"], re.DOTALL)
