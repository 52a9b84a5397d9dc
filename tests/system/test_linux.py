# SPDX-License-Identifier: Apache-2.0
"""The guest kernel boots as a domain without rights, runs programs and powers off; the hypervisor's counts agree after it.

`make linux` builds the kernel; without it (RINGFOLD_LINUX names another one) these tests are skipped.
"""

import os
import pathlib
import re

import pytest

from machine import ROOT, Machine

KERNEL = pathlib.Path(os.environ.get("RINGFOLD_LINUX", ROOT / "build/linux/vmlinux"))
ZEROS = "2c7ab85a893283e98c931e9511add182"  # MD5 of 16 MiB

pytestmark = pytest.mark.skipif(not KERNEL.exists(), reason="make linux has not built the guest kernel")


@pytest.mark.parametrize("cpus", [1, 2])
@pytest.mark.parametrize("memory", ["128M", "256M"])
def test_linux_runs_programs(tmp_path, cpus, memory):
    with Machine(tmp_path, cpus=cpus, memory=512,
                 extra=["-initrd", f"{KERNEL} name=linux memory={memory} -- ringfold_test={cpus}"]) as machine:
        status = machine.status()
    console = machine.console
    said = re.findall(r"^\(d1\) init: (.*)$", console, re.MULTILINE)
    assert status == 0, console[-6000:]
    assert re.fullmatch(rf"Linux 6\.1\.\S+, command line: ringfold_test={cpus}", said[0]), said
    assert said[1:4] == ["50 programs ran", "20000 lines through two pipes", f"{ZEROS} of 16 MiB of zeros"]
    assert re.fullmatch(r"a sleep of 2 seconds took [23]", said[4])
    assert said[5] == "a program that dies of signal 11 exits with 139"
    for trouble in ["WARNING:", "BUG:", "Oops", "Call Trace:"]:
        assert trouble not in console, console
