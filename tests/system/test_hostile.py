# SPDX-License-Identifier: Apache-2.0
"""Guests that attack dom0's back ends through their disks and network interfaces, beside a neighbour at work. `make nightly` does it for
longer. RINGFOLD_SEED repeats what was drawn.

`make linux root` builds what this boots; without it these tests are skipped.
"""

import shutil

import pytest

from linux_host import TYPED_GUEST, assert_properties, drawn_seed, needs_linux, number_of, run, script, tools_overlay
from machine import BUILD, NIGHTLY

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
