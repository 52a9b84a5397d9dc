# SPDX-License-Identifier: Apache-2.0
"""Memory of guests and of the control domain: given back under load, taken again, refused, and claimed before a guest is built.

`make linux root` builds what this boots; without it these tests are skipped.
"""

import shutil

import pytest

from linux_host import TYPED_GUEST, assert_properties, needs_linux, number_of, run, script, tools_overlay
from machine import BUILD

pytestmark = needs_linux


@pytest.mark.parametrize("cpus", [1, 2])
def test_memory_goes_and_comes(tmp_path, cpus):
    overlay = tools_overlay(tmp_path, TYPED_GUEST)
    shutil.copy(BUILD / "guests/console_echo.elf", overlay / "boot/tiny.elf")
    command = f"set -- {number_of('debug_audit')}\n" + script("memory")
    said = run(tmp_path, command, "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448)
    assert_properties(said,
                      "a guest shrinks under load, and grows again",
                      "a guest has more than it began with, up to maxmem",
                      "nonsense is refused, and who does not listen is told",
                      "the control domain makes room, and keeps its floor",
                      "of two guests for which there is no room one fails at once")
