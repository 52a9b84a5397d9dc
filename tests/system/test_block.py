# SPDX-License-Identifier: Apache-2.0
"""Disks of guests: written, verified, read-only, taken away under load, in real machines whose dom0 serves them.

`make linux root` builds what this boots; without it these tests are skipped.
"""

import pytest

from linux_host import TYPED_GUEST, assert_properties, empty_disk, needs_linux, run, script, tools_overlay

pytestmark = needs_linux

@pytest.fixture
def overlay(tmp_path):
    return tools_overlay(tmp_path, TYPED_GUEST)


@pytest.mark.parametrize("cpus", [1, 2])
def test_disks_hold_what_guests_write(tmp_path, overlay, cpus):
    disk = empty_disk(tmp_path / "disk", 64)
    said = run(tmp_path, script("block"), "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448,
               "--disk", f"virtio:{disk}", "--tools")
    assert_properties(said,
                      "a guest has its disks",
                      "a file system holds what was written, also for dom0",
                      "a read-only disk refuses to be written",
                      "fio verifies what it wrote",
                      "a disk comes and goes while the guest runs",
                      "a disk is as slow as its limit",
                      "a guest that is destroyed while it writes leaves nothing")
