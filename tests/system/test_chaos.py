# SPDX-License-Identifier: Apache-2.0
"""Guests that are made, paused, dumped, killed and destroyed at random by several at once, while hvd and hvctl are killed. `make nightly`
does it for minutes. RINGFOLD_SEED repeats what was drawn.

`make linux root` builds what this boots; without it these tests are skipped.
"""

import shutil

import pytest

from linux_host import TYPED_GUEST, assert_properties, drawn_seed, needs_linux, number_of, run, script, tools_overlay
from machine import BUILD, NIGHTLY

pytestmark = needs_linux

TINY = {"idle": "console_echo", "pulse": "pulse"}  # one waits for what is typed, one ends by itself
STEPS = 400 if NIGHTLY else 40
WORKERS = 3
KILLS = 60 if NIGHTLY else 6


@pytest.mark.parametrize("cpus", [1, 2, 4] if NIGHTLY else [2])
def test_chaos_leaves_nothing(tmp_path, cpus):
    seed = drawn_seed()
    overlay = tools_overlay(tmp_path, TYPED_GUEST)
    for name, guest in TINY.items():
        shutil.copy(BUILD / f"guests/{guest}.elf", overlay / f"boot/{name}.elf")
    drawn = f"seed={seed} steps={STEPS} workers={WORKERS} kills={KILLS} audit={number_of('debug_audit')}\n"
    # Where the machine has more CPUs than the one that emulates it, it takes a quarter of an hour.
    said = run(tmp_path, drawn + script("chaos"), "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448, "--timeout", 1800)
    assert_properties(said,
                      f"{WORKERS * STEPS} steps, and each ends as one may end",
                      "no frame, grant or port is left, and all counts are right",
                      "no interface, disk, file or process is left",
                      "dom0's memory is back")
