# SPDX-License-Identifier: Apache-2.0
"""Guests that attack dom0's back ends through their disks and network interfaces, beside a neighbour at work; and a back end that lies to
a guest. `make nightly` does both for longer. RINGFOLD_SEED repeats what was drawn.

`make linux root` builds what this boots; without it these tests are skipped.
"""

import shutil
import subprocess

import pytest

from linux_host import KERNEL, TYPED_GUEST, assert_properties, drawn_seed, needs_linux, number_of, program, run, script, tools_overlay
from machine import BUILD, NIGHTLY, ROOT

pytestmark = needs_linux

ROUNDS = 15 if NIGHTLY else 1
DESTRUCTIONS = 20 if NIGHTLY else 1


@pytest.mark.parametrize("cpus", [1, 2, 4] if NIGHTLY else [2])
def test_hostile_front_ends_hurt_only_themselves(tmp_path, cpus):
    seed = drawn_seed()
    overlay = tools_overlay(tmp_path, TYPED_GUEST)
    for kind in ("disk", "network"):
        shutil.copy(BUILD / f"guests/hostile_{kind}.elf", overlay / "boot")
    drawn = f"seed={seed} rounds={ROUNDS} destructions={DESTRUCTIONS} audit={number_of('debug_audit')}\n"
    said = run(tmp_path, drawn + script("hostile"), "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448, "--tools")
    assert_properties(said,
                      "events for nothing interrupt seldom",
                      "who changes its states for ever holds up nobody",
                      "whatever they break, a new connection works",
                      "the neighbour's disk and network are what they were",
                      "no grant, frame or port is left of them",
                      "dom0 is as it was")


def grant_table():
    """Where the kernel keeps the pages of its grant table, in its .bss."""
    symbols = subprocess.run(["nm", "-S", KERNEL], check=True, capture_output=True, text=True).stdout.splitlines()
    begin = next(int(line.split()[0], 16) for line in symbols if line.endswith(" B __bss_start"))
    found = [int(line.split()[0], 16) for line in symbols if line.endswith(" 0000000000000800 b table")]
    assert len(found) == 1, f"{len(found)} tables of 256 pointers in {KERNEL}"
    return found[0] - begin


@pytest.mark.parametrize("turn", range(4) if NIGHTLY else [0])
@pytest.mark.parametrize("cpus", [1, 2, 4] if NIGHTLY else [2])
def test_a_lying_back_end_hurts_only_its_own_devices(tmp_path, cpus, turn):
    overlay = tools_overlay(tmp_path, TYPED_GUEST)
    program(tmp_path, "lie", "-I", ROOT / "guest-patches/linux/files/include/uapi", "-I", ROOT / "abi/include", "-I", BUILD / "generated")
    seed = drawn_seed() + turn
    drawn = (f"seed={seed} rounds={2 if NIGHTLY else 1} lies={400 if NIGHTLY else 250} devices={3 if NIGHTLY else 2} "
             f"table={grant_table()} audit={number_of('debug_audit')}\n")
    said = run(tmp_path, drawn + script("lies"), "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448, "--tools")
    print("\n".join(said))
    assert_properties(said,
                      "who is lied to lets go of the device",
                      "a new device in its place works",
                      "its other devices are what they were",
                      "its kernel is as it was",
                      "so is dom0")
