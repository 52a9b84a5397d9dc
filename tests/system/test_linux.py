# SPDX-License-Identifier: Apache-2.0
"""The guest kernel boots as a domain without rights, runs programs and powers off; the hypervisor's counts agree after it.

`make linux root` builds what this boots; without it these tests are skipped.
"""

import pytest

from linux_host import ROOT_FILES, ZEROS, linux_modules, needs_linux, script
from machine import Machine
from ramdisk import with_command

pytestmark = needs_linux


@pytest.mark.parametrize("cpus", [1, 2])
@pytest.mark.parametrize("memory", ["128M", "256M"])
def test_linux_runs_programs(tmp_path, cpus, memory):
    ramdisk = with_command(ROOT_FILES, script("programs"), tmp_path)
    domain = f"name=linux memory={memory} vcpus={cpus}"
    with Machine(tmp_path, cpus=cpus, memory=512, extra=linux_modules(ramdisk, domain, "quiet")) as machine:
        status = machine.status()
    console = machine.console
    assert status == 0, console[-6000:]
    for line in ["50 programs ran", "20000 lines through two pipes", f"{ZEROS} of 16 MiB of zeros",
                 "a program that dies of signal 11 exits with 139", f"{cpus} CPUs", "testhost: end 0"]:
        assert f"(d1) {line}\n" in console, console
    for trouble in ["WARNING:", "BUG:", "Oops", "Call Trace:"]:
        assert trouble not in console, console
