# SPDX-License-Identifier: Apache-2.0
"""Guests as boot modules: on machines of several sizes by each loader; what is no guest is refused with a reason; two run
at once; and while one runs, its face of slot 256 keeps W^X and holds nothing of the hypervisor proper."""

import re
import subprocess

import pytest

from machine import BUILD, IMAGE, ROOT, Machine
from test_boot import read_mappings

HELLO = BUILD / "guests/hello.elf"
GREETING = "(d1) hello from ring 1, domain 1: 4096 frames, 1 vCPUs"


@pytest.fixture(scope="module", name="iso")
def make_iso(tmp_path_factory):
    path = tmp_path_factory.mktemp("iso") / "hello.iso"
    subprocess.run([ROOT / "scripts/make-iso", path, IMAGE, "exit_port=0x501", HELLO, "name=hello memory=16M"], check=True)
    return path


# Each pair of values of two columns stands in some row.
@pytest.mark.parametrize("loader, chipset, cpus, memory", [
    ("multiboot1", "q35", 1, 64),
    ("multiboot1", "pc", 2, 8192),
    ("multiboot1", "q35", 4, 512),
    ("multiboot2", "pc", 1, 512),
    ("multiboot2", "q35", 2, 64),
    ("multiboot2", "pc", 4, 64),
    ("multiboot2", "q35", 1, 8192),
    ("multiboot1", "pc", 2, 512),
    ("multiboot1", "q35", 4, 8192),
])
def test_a_guest_runs(tmp_path, iso, loader, chipset, cpus, memory):
    module = ["-initrd", f"{HELLO} name=hello memory=16M"] if loader == "multiboot1" else []
    boot = iso if loader == "multiboot2" else None
    # Of two -machine options the later counts.
    with Machine(tmp_path, cpus=cpus, memory=memory, boot=boot, extra=["-machine", chipset, *module]) as machine:
        assert machine.status() == 0, machine.console
    console = machine.console
    assert ("loaded by GRUB" if loader == "multiboot2" else "loaded by qemu") in console
    assert f"{cpus} of {cpus} CPUs are up" in console
    assert GREETING in console
    assert "(d1) VERDICT: SUCCESS" in console
    assert "d1 hello: ended with power off, code 0" in console
    assert not re.search("warning|error|panic", console, re.IGNORECASE), console


def damaged(tmp_path, name, change):
    data = bytearray(HELLO.read_bytes())
    path = tmp_path / name
    path.write_bytes(change(data) or data)
    return path


def assert_refused(tmp_path, module, reason, memory=128):
    with Machine(tmp_path, memory=memory, extra=["-initrd", str(module)]) as machine:
        assert machine.status() == 1, machine.console
    errors = [line for line in machine.console.splitlines() if "error: " in line]
    assert len(errors) == 1 and reason in errors[0], machine.console
    assert "(d1)" not in machine.console


# ELF-64 object file format: e_ident, e_type, e_machine, e_phoff; what the offsets are is in figure 2 there.
@pytest.mark.parametrize("change, reason", [
    (lambda data: b"This is no kernel." * 300, "not an ELF file"),
    (lambda data: data[:3000], "lie outside the file"),
    (lambda data: data.__setitem__(0x10, 3), "not a statically linked executable"),
    (lambda data: data.__setitem__(0x12, 3), "not for x86-64"),
    (lambda data: data.__setitem__(slice(0x20, 0x28), b"\xff" * 8), "outside the file"),
    (lambda data: data.replace(b"Ringfold\0", b"Ringf\0ld\0"), "note"),
], ids=["text", "truncated", "shared object", "i386", "headers nowhere", "no notes"])
def test_what_is_no_guest_image_is_refused(tmp_path, change, reason):
    assert_refused(tmp_path, f"{damaged(tmp_path, 'image', change)} name=bad memory=16M", reason)


EXPECTED = "memory=SIZE[K|M|G] vcpus=1..64 cpu=0..63 rights=0..0xff dom0 on_crash=stop|restart expected"


@pytest.mark.parametrize("options, reason", [
    ("memory=lots", EXPECTED),
    ("memory=-1", EXPECTED),
    ("memory=99999999999999999999G", EXPECTED),
    ("vcpus=0", "vcpus must be 1 to 64"),
    ("vcpus=65", EXPECTED),
    ("cpu=64", EXPECTED),
    ("cpu=first", EXPECTED),
    ("dom0 on_crash=shout", EXPECTED),
    ("memory=0", "do not fit into its memory"),
    ("memory=1M", "do not fit into its memory"),
    ("memory=1G", "out of memory"),
])
def test_options_that_cannot_be_met_are_refused(tmp_path, options, reason):
    assert_refused(tmp_path, f"{HELLO} {options}", reason)


def test_a_refused_guest_does_not_keep_another_from_running(tmp_path):
    modules = f"{HELLO} name=large memory=1G,{HELLO} name=small memory=16M"
    with Machine(tmp_path, extra=["-initrd", modules]) as machine:
        assert machine.status() == 1, machine.console
    assert re.search(r"error: domain large: .*out of memory", machine.console), machine.console
    assert "(d2) VERDICT: SUCCESS" in machine.console


def test_two_guests_run_at_once(tmp_path):
    pulse = BUILD / "guests/pulse.elf"
    modules = f"{pulse} name=left memory=16M cpu=0,{pulse} name=right memory=16M cpu=1"
    with Machine(tmp_path, cpus=2, extra=["-initrd", modules]) as machine:
        assert machine.status() == 0, machine.console
    # Each prints several lines; at once means that neither has finished before the other has begun.
    speakers = re.findall(r"^\(d([12])\) (?!VERDICT)", machine.console, re.MULTILINE)
    verdicts = re.findall(r"^\(d([12])\) VERDICT: (\w+)", machine.console, re.MULTILINE)
    assert sorted(verdicts) == [("1", "SUCCESS"), ("2", "SUCCESS")], machine.console
    changes = sum(one != other for one, other in zip(speakers, speakers[1:]))
    assert changes >= 3, machine.console


# --- the guest's face of slot 256 ---------------------------------------------------------------------------------------

SLOT, SLOT_END, GIBIBYTE, PAGE = 0xFFFF800000000000, 0xFFFF808000000000, 1 << 30, 1 << 12
# virtual_map.hpp: (first byte, end, writable, executable) of all that a guest's face may hold.
FACE = {
    "gate text": (SLOT, SLOT + 4 * PAGE, False, True),
    "constants, GDT, IDT, TSS": (SLOT + 0x10 * PAGE, SLOT + 0x14 * PAGE, False, False),
    "LDT": (SLOT + 0x20 * PAGE, SLOT + 0x30 * PAGE, False, False),
    "scratch": (SLOT + 0x40 * PAGE, SLOT + 0x46 * PAGE, True, False),
    "vCPU page": (SLOT + 0x50 * PAGE, SLOT + 0x51 * PAGE, True, False),
    "machine-to-physical table": (SLOT + 16 * GIBIBYTE, SLOT + 16 * GIBIBYTE + GIBIBYTE // 2, False, False),
}


def read_writable_ranges(machine):
    """What may be written by all entries of the walk, from the monitor's `info mem`: `first-end size urw`."""
    rows = re.findall(r"^([0-9a-f]{16})-([0-9a-f]{16}) [0-9a-f]{16} .rw$", machine.monitor("info mem").replace("\r", ""),
                      re.MULTILINE)
    assert rows
    return [(int(first, 16), int(end, 16)) for first, end in rows]


@pytest.mark.parametrize("processor", ["max", "max,-pdpe1gb"])
def test_the_face_that_a_guest_sees(tmp_path, processor):
    guest = BUILD / "guests/spin.elf"
    with Machine(tmp_path, processor=processor, extra=["-initrd", f"{guest} memory=16M -- forever"]) as machine:
        machine.wait_for("spinning for ever")
        machine.stop_in_guest()
        mappings = read_mappings(machine, 0)
        writable_ranges = read_writable_ranges(machine)
    # `info tlb` shows the last entry of a walk only: a table above may take the right to write away.
    for mapping in mappings:
        mapping[3] = mapping[3] and any(first <= mapping[0] < end for first, end in writable_ranges)
    ours = [m for m in mappings if SLOT <= m[0] < SLOT_END]
    guests = [m for m in mappings if not SLOT <= m[0] < SLOT_END]
    seen = set()
    for linear, target, size, writable, executable, user, is_global in ours:
        assert not user and not is_global, f"{linear:#x}"
        region = [name for name, (first, end, *_) in FACE.items() if first <= linear and linear + size <= end]
        assert region, f"{linear:#x} is in no region of the face"
        assert (writable, executable) == FACE[region[0]][2:], f"{region[0]} at {linear:#x}"
        seen.add(region[0])
    assert seen == FACE.keys() - {"LDT"}
    # The guest's own mappings reach the vCPU page's frame, which is its own, and no other of the face's.
    page = FACE["vCPU page"][0]
    frames = {m[1] for m in ours if m[0] != page}
    assert len(guests) > 1000
    assert not [m for m in guests if any(m[1] <= frame < m[1] + m[2] for frame in frames)]
